"""The assistant demo: slow once, then instant, crystallized, a plain class, and ahead of what is asked next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from agent_repl import Agent, AgentError, grow, pending
from agent_repl.protocols import Provider

from .data import TODAY, Email, Event, make_calendar, make_mail
from .stage import Stage, Step, leave, perform

INBOX, CALENDAR = "inbox.mbox", "calendar.ics"
IDENTITY = (
    "assistant of a person: in the lines of the file self.inbox are emails, each with a line such as "
    '"From: Ann Berg <ann@example.org>", and after it one such as "Subject: Trip"; self.calendar is an iCalendar file, '
    "and self.today a text such as 2026-11-02. "
    "summarize_emails() answers a dict: for each address, the text between < and > of the From lines, the list of the "
    "subjects in the Subject lines that follow these, in their order; many addresses have more than one. "
    "draft_reply(sender, tone) answers a text about SUBJECT, the last one of that sender in self.summarize_emails(): "
    '"Dear NAME, thank you for your email about SUBJECT." where the tone is "formal", and else "Hi NAME, thank you for '
    'your email about SUBJECT."; NAME is sender.split("@")[0].title(). '
    "schedule_meeting(title, in_days, at, minutes) reads the text of the file self.calendar, puts the lines "
    "BEGIN:VEVENT, SUMMARY:title, DTSTART:start, DTEND:end and END:VEVENT before END:VCALENDAR by replace, and writes "
    'the file with open(self.calendar, "w"): the start is datetime.fromisoformat(self.today + "T" + at) + '
    'timedelta(days=in_days), the end so many minutes later, both as "%Y%m%dT%H%M%S"; datetime and timedelta are '
    "imported from datetime."
)
SCENARIO = "You plan the day: which meetings there are, who wrote most, and which emails are about a subject."
_ALONE = """
import runpy
Assistant = runpy.run_path({file})["Assistant"]
given = {"inbox": "inbox.mbox", "calendar": "calendar.ics", "today": "2026-11-02"}
assistant = Assistant(**{name: given[name] for name in given if name in Assistant.__init__.__code__.co_varnames})
if hasattr(assistant, "summarize_emails"):
    print(f"   Assistant(...).summarize_emails(): {len(assistant.summarize_emails())} senders")
"""


def main(argv: Sequence[str] = (), provider: Provider | None = None) -> int:
    """Run the demo; 0 when every answer is right."""
    return perform("assistant", _explore, argv, provider)


def _explore(stage: Stage, seed: int) -> int:
    (mail, emails), (calendar, events) = make_mail(seed), make_calendar(seed)
    Path(INBOX).write_text(mail, encoding="utf-8", newline="\n")
    Path(CALENDAR).write_text(calendar, encoding="utf-8", newline="\n")
    print(f"\n{INBOX}: {len(emails)} emails; {CALENDAR}: {len(events)} events, to which schedule_meeting may write.")
    print(f"Today is {TODAY}.\n")
    agent = stage.session.agent(IDENTITY, name="assistant", inbox=INBOX, calendar=CALENDAR, today=TODAY.isoformat())
    for first, *more in rounds(emails, events):
        stage.take(agent, first)
        print("── again, with no model, and from the third run on as a plain function")
        stage.again(agent, more)
        print()
    print("── another tone is another kind of call where the code compares it with constants")
    stage.again(agent, [draft(emails, emails[0].address, "formal")])
    _leave_and_grow(stage, agent)
    return stage.end()


def _leave_and_grow(stage: Stage, agent: Agent) -> None:
    own = {name for name, _ in stage.verdicts}
    try:
        leave(agent, "assistant.py", _ALONE)
        if waiting := {version.key.name for version in pending(stage.session)} - own:
            print(f"── grown by an earlier run: {', '.join(sorted(waiting))}\n")
        else:
            print(f"── grow: {SCENARIO}")
            print(f"\n{grow(agent, SCENARIO, calls=3)}\n")
    except AgentError as error:
        print(f"   not done: {error}\n")


def rounds(emails: list[Email], events: list[Event]) -> list[list[Step]]:
    """Three methods, each called four times, with other arguments each time."""
    titles = ("Budget review", "Lunch with Ann", "Call about the fair", "Garden walk")
    senders = dict.fromkeys(email.address for email in emails)
    times = ((1 + 2 * number, f"{10 + number}:{15 + 10 * number}", 30 + 15 * number) for number in range(4))
    return [
        [summary(emails) for _ in titles],
        [draft(emails, sender, "friendly") for sender in senders],
        [meeting(events, title, *time) for title, time in zip(titles, times, strict=True)],
    ]


_step = partial(Step, "assistant")


def summary(emails: list[Email]) -> Step:
    """Subjects by sender."""
    wanted: dict[str, list[str]] = {}
    for email in emails:
        wanted.setdefault(email.address, []).append(email.subject)
    return _step("summarize_emails", {}, lambda value, _: dict(value) == wanted)


def draft(emails: list[Email], sender: str, tone: str) -> Step:
    """A reply to the last email of a sender."""
    last = [email for email in emails if email.address == sender][-1]
    hello, other = ("Dear", "Hi") if tone == "formal" else ("Hi", "Dear")

    def is_right(value: Any, _: Any) -> bool:
        begins = value.strip().startswith(f"{hello} {last.name.split()[0]},")
        return begins and f"about {last.subject}." in value and f"{other} " not in value

    return _step("draft_reply", {"sender": sender, "tone": tone}, is_right)


def meeting(there: list[Event], title: str, in_days: int, at: str, minutes: int) -> Step:
    """An event that is put into the calendar; the file is read back, and holds those that were `there` and this one."""
    hour, minute = map(int, at.split(":"))
    start = datetime(TODAY.year, TODAY.month, TODAY.day) + timedelta(days=in_days, hours=hour, minutes=minute)
    event = Event(title, start, start + timedelta(minutes=minutes))

    def is_right(value: Any, _: Any) -> bool:
        found = Counter(_events(Path(CALENDAR).read_text(encoding="utf-8")))
        return Counter(there) <= found and found[event] == 1

    given = {"title": title, "in_days": in_days, "at": at, "minutes": minutes}
    return _step("schedule_meeting", given, is_right, writes=("self.calendar",))


def _events(text: str) -> list[Event]:
    """The events of an iCalendar text, by a reader of its own; raises ValueError for one that is not well formed."""
    blocks = re.findall(r"BEGIN:VEVENT\n(.*?)\nEND:VEVENT", text, re.DOTALL)
    if {text.count("BEGIN:VEVENT"), text.count("END:VEVENT")} != {len(blocks)} or text.split()[-1] != "END:VCALENDAR":
        raise ValueError("no calendar")
    found = [dict(line.split(":", 1) for line in block.split("\n")) for block in blocks]
    return [Event(each["SUMMARY"], _time(each["DTSTART"]), _time(each["DTEND"])) for each in found]


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S")
