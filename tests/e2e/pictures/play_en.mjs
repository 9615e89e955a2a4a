// Friends who walk on Saturday.
export default {
  people: { anna: "Anna Petrova", boris: "Boris Okafor", mei: "Mei Tanaka" },
  olga: "Olga",
  sought: "bo",
  question: {
    who: "boris",
    text: "Olga, and what do we pack for four?",
    thoughts: "Four people, twelve kilometres, rain until eleven, lunch on the way…",
    answer: "For four people, a wet morning and a lunch outside:\n\n- **Rain jackets**, and a dry pair of socks each\n- two flasks of tea, four litres of water\n- bread, cheese, tomatoes; Mei’s pot for the",
    seen: "pot for the",
  },
  async set(stage) {
    await stage.dialog("French for the holidays", [[1500, "anna", "How do I ask for the way to the station?"], [1499, "olga", "*Excusez-moi, où est la gare ?*"]]);
    const dialog = await stage.dialog("Bread on Sunday", [
      [64, "anna", "I have 500 g of flour and a spoon of dry yeast. What do I do tonight so that there is bread at nine?"],
      [63, "olga", "A cold dough does the work while you sleep:\n\n| When | What |\n| --- | --- |\n| 21:00 | mix with 350 g of water, 10 g of salt |\n| 22:00 | fold, cover, into the fridge |\n| 7:30 | shape, let it rise |\n| 8:15 | bake at 240 °C, in a pot |\n\nUse only **half** the yeast: the night is long."],
      [61, "anna", "And without a pot?"],
      [60, "olga", "On a hot tray, with a cup of water poured into another one below: the steam gives the crust."],
    ]);
    await stage.lounge([[2900, "mei", "Hello! I am Mei, from the house with the cherry tree."]]);
    await stage.room("Book club", { topic: "second Thursday", personas: [], lines: [[210, "mei", "I am at chapter nine. No word about the butler, please."]] });
    const house = await stage.room("House", { visibility: "private", topic: "ours", personas: [], lines: [[95, "anna", "The plumber comes on Monday, between eight and ten."]] });
    await stage.direct("boris", [[40, "boris", "Thank you for the ladder! I bring it back tonight."]]);
    await stage.direct("mei", [[1700, "anna", "Happy birthday!"], [1690, "mei", "Thank you, dear!"]]);
    const talk = await stage.room("Saturday walk", {
      topic: "twelve kilometres, a lake, a lunch", personas: ["olga"],
      lines: [
        [23, "mei", "The forecast says rain until eleven. Do we still go?"],
        [21, "boris", "With the later train: 10:40, then the path is dry under the trees."],
        [19, "anna", "@olga we take the 10:40, fifty minutes to the lake. 12 km at 4 km/h, an hour for lunch, and the last bus leaves at 17:05. Do we make it?"],
        [18, "olga", "Yes, with an hour and a half to spare:\n\n| | from | to |\n| --- | ---: | ---: |\n| Train | 10:40 | 11:30 |\n| Walk and lunch | 11:30 | **15:30** |\n\nIf the path is muddy, 3 km/h still brings you there at 16:30."],
        [15, "mei", "Time for an ice cream, then. I am in!", 2],
      ],
    });
    for (const room of [talk, house, dialog]) await stage.read(room);
    return { talk, dialog };
  },
};
