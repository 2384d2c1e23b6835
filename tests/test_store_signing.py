"""This user's key: made once, private, and honest about what it cannot do."""

import json
import os
from pathlib import Path
from threading import Barrier, Thread

import pytest

from agent_repl.errors import StoreError
from agent_repl.stores.signing import SigningKey, canonical, user_key

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")


def test_a_key_is_made_once_and_then_read(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"
    assert user_key(path) == user_key(path)
    assert user_key(path).secret == path.read_bytes()
    assert len(path.read_bytes()) == 32


@posix
def test_only_its_owner_can_read_a_new_key(tmp_path: Path) -> None:
    user_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@posix
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    user_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(StoreError, match="chmod 600"):
        user_key(tmp_path / "key")


def test_a_damaged_key_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "key"
    user_key(path)
    path.write_bytes(b"short")
    with pytest.raises(StoreError, match="damaged"):
        user_key(path)
    assert path.read_bytes() == b"short"


def test_where_no_key_can_be_kept_it_lasts_for_the_process_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    key = user_key(tmp_path / "file" / "key")
    assert key.verify(b"data", key.sign(b"data"))
    assert "cannot be kept" in key.note


def test_all_who_make_a_key_together_agree(tmp_path: Path) -> None:
    def make(path: Path, start: Barrier, keys: list[bytes]) -> None:
        start.wait()
        keys.append(user_key(path).secret)

    for number in range(20):
        keys: list[bytes] = []
        given = (tmp_path / str(number), Barrier(8), keys)
        makers = [Thread(target=make, args=given) for _ in range(8)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
        assert len(keys) == 8
        assert len(set(keys)) == 1


@pytest.mark.parametrize("mac", ["", "00", "é", "0" * 64])
def test_a_wrong_code_does_not_match(mac: str) -> None:
    assert not SigningKey().verify(b"data", mac)


def test_a_key_does_not_show_its_secret() -> None:
    assert "secret" not in repr(SigningKey(b"secret" * 6))


def test_canonical_text_is_one_for_equal_values_and_reads_back() -> None:
    assert canonical({"b": 1, "a": "é"}) == canonical({"a": "é", "b": 1}) == '{"a":"é","b":1}'
    assert json.loads(canonical(["\udc80\ud800", "\\udc80"])) == ["\udc80\ud800", "\\udc80"]
