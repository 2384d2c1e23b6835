"""The writer knows which libraries are there, where that matters; a person, how to get one that is not."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from kit import Person, session

from agent_repl.control import prompt
from agent_repl_bounds.effects import effects
from agent_repl_bounds.packages import install_line
from agent_repl_data.libraries import libraries, told

NEEDS = '''
import no_such_module_of_ours

def total(self):
    """Add."""
    return no_such_module_of_ours.total()
'''


def test_nothing_is_said_where_nothing_matters(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert libraries([3, "x", [1], str(tmp_path / "a.csv")], "analyst of numbers, requesting little") == {}
    assert told({}) == ""
    home = session(tmp_path)
    assert "installed" not in prompt(home.agent("counter", n=3).total, 2).user


def test_a_frame_names_its_library_with_two_numbers():
    pandas = pytest.importorskip("pandas")
    found = libraries([pandas.DataFrame({"a": [1]})])
    assert found == {"pandas": ".".join(version("pandas").split(".")[:2])}


def test_words_name_a_library_and_what_is_not_there_is_said():
    found = libraries([], "plots with Pandas and nosuch, sklearn")
    assert list(found) == ["pandas", "scikit-learn"]
    assert (
        told({"pandas": "2.2", "numpy": "1.26", "polars": ""})
        == "installed: pandas 2.2, numpy 1.26; not installed: polars"
    )


def test_a_parquet_file_calls_for_what_reads_it(tmp_path):
    (tmp_path / "a.parquet").touch()
    assert list(libraries([tmp_path / "a.parquet"])) == ["pandas", "pyarrow"]
    assert libraries([str(tmp_path / "none.parquet")]) == {}


def test_what_is_installed_is_in_the_prompt_and_a_premise(tmp_path):
    home = session(tmp_path)
    sent = prompt(home.agent("analyst who uses pandas and no-such-thing").total, 2)
    number = libraries([], "pandas")["pandas"]
    assert f"installed: pandas {number}\n" in sent.user
    assert ("library pandas", number) in sent.premises


def test_no_library_is_imported_to_know_its_version():
    code = (
        "import sys; from agent_repl_data.libraries import *; libraries([], 'pandas'); print('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("sklearn.svm", "scikit-learn"),
        ("PIL", "pillow"),
        ("yaml", "pyyaml"),
        ("cv2", "opencv-python"),
        ("bs4", "beautifulsoup4"),
        ("no_such_one", "no_such_one"),
    ],
)
def test_a_module_that_is_not_there_is_named_with_its_line(module, line, monkeypatch):
    monkeypatch.setattr("agent_repl_bounds.packages.find_spec", lambda name: None)
    assert install_line(module) == f"pip install {line}"
    assert f"(not installed here: pip install {line})" in effects(f"import {module}")[0].detail


@pytest.mark.parametrize("module", ["json", "pytest", "", "a b", "x;rm", "é"])
def test_what_is_there_or_is_no_name_has_no_line(module):
    assert install_line(module) == ""


def test_a_person_sees_the_line_in_the_review_and_with_the_error(tmp_path):
    person = Person("accept")
    home = session(tmp_path, NEEDS, review=person)
    outcome = home.call(home.agent("adder"), "total")
    assert "pip install no_such_module_of_ours" in person.seen[0].code.effects[0].detail
    assert isinstance(outcome.error, ModuleNotFoundError)
    assert outcome.error.__notes__ == [
        "agent_repl: nothing was installed; to install it: pip install no_such_module_of_ours"
    ]


def test_an_import_inside_the_method_is_named_too(tmp_path):
    home = session(
        tmp_path, 'def total(self):\n    """Add."""\n    import no_such_module_of_ours as m\n    return m.total()'
    )
    outcome = home.call(home.agent("adder"), "total")
    assert "pip install no_such_module_of_ours" in outcome.error.__notes__[0]
