"""The sentences of which support tickets are made: what only reading tells is said in many ways, by no word alone."""

from __future__ import annotations

from typing import Any

PRODUCTS = ("kettle", "lamp", "heater", "speaker", "blender", "fan")
CHANNELS = ("mail", "chat", "phone", "form")
CITIES = (
    *("Harwich", "Oslo", "Lyon", "Turin", "Ghent", "Porto", "Leeds", "Basel", "Graz", "Malmo", "Delft", "Cork"),
    *("Split", "Brno", "Vigo", "Nice", "Ulm", "Bath", "Lund", "Trier"),
)
FIRST = ("Ada", "Ben", "Carla", "Dario", "Emma", "Finn", "Greta", "Hugo", "Ines", "Jon", "Kaja", "Luis", "Mara", "Nils")
LAST = ("Berg", "Costa", "Dahl", "Engel", "Ferro", "Gray", "Holm", "Ivers", "Jansen", "Klein", "Lopez", "Moss")

MOODS = {
    "pleased": (
        "I have told three friends about it, and all of them want one now.",
        "It is a long time since anybody took such trouble over something I bought.",
        "I had been ready for a fight, and there was none: it was all done before I had finished my tea.",
        "You need not do anything, I only thought that somebody should hear when a thing goes right.",
        "If all shops were like this one I should have nothing left to complain of.",
        "I did not think that a {product} could make my mornings any better, and I was wrong.",
        "The young man who called me back deserves a rise, and you may show him this.",
        "My wife says that I talk of nothing else, and she is not wrong.",
        "I would buy the same again tomorrow, and I shall tell my sister to.",
        "It could not have gone better, and I do not say that often.",
    ),
    "annoyed": (
        "I have told three friends about it, and none of them will want one now.",
        "It is a long time since anybody took so little trouble over something I bought.",
        "I had thought that it would all be done before I had finished my tea, and that was in spring.",
        "You need not do anything, you have not done so yet either, and I only thought that somebody should hear.",
        "If all shops were like this one I should do nothing but write letters.",
        "I did not think that a {product} could make my mornings any worse, and I was wrong.",
        "The young man who was to call me back deserves to read this, if he can be found.",
        "My wife says that I should let it go, and she is wrong.",
        "I would have to be another person to do the same again tomorrow, and I shall tell my sister so.",
        "It could hardly have gone another way, with the answers that I was given, all four of them different.",
    ),
    "neutral": (
        "I have told three friends that I would ask, since all of them have the same one.",
        "It is a long time since I bought it, so please tell me which papers you want.",
        "I am in no hurry, and shall be at home before and after my tea.",
        "You need not call me back, I only thought that a line in writing is best.",
        "If other shops ask the same of you I should like the usual answer.",
        "I think that a {product} of that make is what we had before, but I may be wrong.",
        "The young man on the telephone said that this goes to your office, so here it is.",
        "My wife says that the number is on the back, which I have copied here.",
        "I would do the same again tomorrow by post, if that is the better way; tell my sister or me.",
        "It could be either of the two, and I leave it to you to say which.",
    ),
}
TOPICS = {
    "broken": (
        "Since Tuesday the {product} does nothing when I press the switch, whatever plug I use.",
        "There is a crack along the side of the {product}, and something rattles inside.",
        "The {product} runs for a minute, smells of rubber and goes dark.",
        "What came out of the box was a {product} in two parts that were made as one.",
        "The {product} hums as if it meant to begin, and that is all that it does.",
        "With each day the {product} gets weaker, and since this morning it is only a thing on a shelf.",
    ),
    "late": (
        "I was to have the {product} on Tuesday of the week before last, and I still look out of the window.",
        "The van has been outside for delivery, says your page, for nine days now, with my {product} in it.",
        "My neighbour asked for the same {product} after me and has it, and my shelf is empty.",
        "The birthday for which I wanted the {product} is over, and nobody has rung at my door.",
        "Your note said two days for the {product}; by my calendar these have been twelve.",
        "Somewhere between your house and mine there must be a {product} that has my name on it.",
    ),
    "charge": (
        "My bank shows the {product} twice in the same week, and I have only one.",
        "On the page the {product} was 30, and what left my account was 39.",
        "I was promised that the {product} goes off the card again after I cancelled, and the line is still there.",
        "The paper that came with the {product} adds up to less than what you took.",
        "There is a sum beside the {product} on my statement, called handling, of which nobody had said a word.",
        "For the {product} I used the voucher from your letter, and you took the whole price all the same.",
    ),
    "advice": (
        "Can the {product} stay on a shelf in the bathroom, or is the steam too much for it?",
        "Which of the two switches on the {product} is for the night, the round one or the flat one?",
        "Before I press anything: how does one clean the {product} inside?",
        "My daughter has the {product} from two years ago: do the parts of the new one go on it?",
        "How many hours a day is the {product} made for, when it stands in a shop?",
        "Is there a paper for the {product} in large print, or a page that reads it out?",
    ),
}
LEAVES = (
    "The next one I shall have from the shop across the road.",
    "Please take my name off your list: our ways part here.",
    "After eleven years this was the last thing that I bought from you.",
    "I have filled in the form with which one closes an account, and it is on its way.",
    "What I need from now on others will sell me.",
)
STAYS = (
    "The shop across the road has nothing like it, so the next one will be from you too.",
    "Please leave my name on your list: I like to hear what is new.",
    "After eleven years this was not the last thing that I bought from you.",
    "I have looked at the form with which one closes an account, and it went where paper goes.",
    "Others would sell me one too, but from now on as before I come to you.",
    "",
)
Saying = dict[str, dict[Any, tuple[str, ...]]]
INDIRECT: Saying = {"mood": MOODS, "topic": TOPICS, "leaves": {True: LEAVES, False: STAYS}}
"""By label and what it is, the sentences that say it."""
PLAIN: Saying = {
    "mood": {
        "pleased": ("I am very pleased.",),
        "annoyed": ("I am really annoyed.",),
        "neutral": ("I only want to tell you this.",),
    },
    "topic": {
        "broken": ("My {product} is broken.",),
        "late": ("My {product} came two weeks late.",),
        "charge": ("There is a charge for the {product} on my bill that is not right.",),
        "advice": ("Please advise me how to use the {product}.",),
    },
    "leaves": {True: ("From now on I buy elsewhere.",), False: ("I will buy from you again.",)},
}
FILLERS = (
    "The order was made in the {season}, with the number that stands in the subject.",
    "I write from {city}, where the post comes before noon and the parcels after it.",
    "You will find me under the name {name}, or under that of my late aunt, who had the account before.",
    "We have had four things from you over the years, if I count the one that was a present.",
    "The people next door take parcels for us, and they say that they have seen nothing unusual.",
    "I have read the page with the questions twice, and mine is not among them.",
    "For what it is worth, the box is still here, with the paper that was in it.",
    "I can send a picture, if you tell me where to; the telephone takes good ones in daylight.",
    "There were {n} of us in the room, and all saw the same.",
    "My number has not changed since {year}, and the bell has the name on it.",
    "I have the receipt here in front of me, and it says {n}{n} on the upper edge.",
    "The weather here is as it always is at this time, so that cannot be it.",
    "I should add that I work until five, and that the dog is louder than it is large.",
    "In case that matters: we live on the {n}th floor, and the lift works.",
)
NEEDLE = (
    "One more thing for your drivers, since nobody wrote it down when I said it on the telephone: whoever comes to the "
    "yard in {city} must press {digits} at the side entrance, and wait until it hums."
)
DECOYS = (
    "Your driver stood at the yard in {city} for a quarter of an hour and did not find the side entrance.",
    "At the yard in {city} they told me that nobody knows what to press at the side entrance any more.",
)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
