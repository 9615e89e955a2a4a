// The chosen theme and language before the first paint, and the files that this language needs before the entry asks for them. A file of its own, because no script stands in the page itself.
(function () {
  var root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  try {
    var theme = localStorage.getItem("nc.theme"), language = localStorage.getItem("nc.language");
    if (theme === "dark" || theme === "light") { root.dataset.theme = theme; dark = theme === "dark"; }
    root.lang = language || (/^ru/.test(navigator.language) ? "ru" : "en");
  } catch (e) { /* storage may be forbidden: then the system's theme holds */ }
  document.querySelector("meta[name=theme-color]").content = dark ? "#0e1016" : "#f5f6f9";
  document.querySelectorAll("meta[name=ahead]").forEach(function (file) {
    if (file.lang && file.lang !== root.lang) return;
    var link = document.createElement("link");
    link.rel = "modulepreload";
    link.crossOrigin = "";
    if (!file.lang) link.fetchPriority = "low";
    link.href = file.content;
    document.head.append(link);
  });
})();
