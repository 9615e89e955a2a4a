// To the clipboard, also where the page is not a secure context and has no clipboard API.

export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // refused: the old way may still work
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'sr-only';
  const before = document.activeElement as HTMLElement | null;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  before?.focus();
  return done;
}
