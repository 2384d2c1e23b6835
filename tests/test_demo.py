"""The demo's whole way, with the replies that the embedded model once gave; and what it says of a wrong one."""

import re
import subprocess
import sys

import pytest
from kit import fenced

from agent_repl import ScriptedProvider
from agent_repl_demos.sales import main

REPLIES = {
    "load": """
        import csv
        def load(self):
            \"\"\"Read the sales data from the CSV file.\"\"\"
            self.rows = []
            with open(self.path, newline="", encoding="utf-8-sig") as file:
                for line in csv.DictReader(file):
                    cell = {name: (text or "").strip() for name, text in line.items()}
                    try:
                        row = {"date": _date(cell["date"]), "product": cell["product"],
                               "quantity": int(cell["quantity"]), "unit_price": Decimal(cell["unit_price"])}
                    except (ValueError, ArithmeticError):
                        continue
                    self.rows.append(row)
    """,
    "total_revenue": """
        def total_revenue(self):
            \"\"\"All sales together.\"\"\"
            return sum((row["quantity"] * row["unit_price"] for row in self.rows), Decimal(0))
    """,
    "top_sellers": """
        from collections import Counter
        def top_sellers(self, n):
            \"\"\"The n best sellers by units.\"\"\"
            units = Counter()
            for row in self.rows:
                units[row["product"]] += row["quantity"]
            return units.most_common(n)
    """,
    "revenue_by_quarter": """
        def revenue_by_quarter(self):
            \"\"\"Revenue by quarter.\"\"\"
            found = {}
            for row in self.rows:
                quarter = f"{row['date'].year}-Q{(row['date'].month + 2) // 3}"
                found[quarter] = found.get(quarter, 0) + row["quantity"] * row["unit_price"]
            return found
    """,
    "data_quality_report": """
        import csv
        def data_quality_report(self, path):
            \"\"\"Good and bad lines.\"\"\"
            good = bad = 0
            with open(path, newline="") as file:
                for line in csv.DictReader(file):
                    try:
                        int(line["quantity"]), Decimal(line["unit_price"])
                        good += 1
                    except (ValueError, ArithmeticError):
                        bad += 1
            return {"good": good, "bad": bad}
    """,
}


def wanted(prompt):
    return re.search(r"Write the method `(\w+)`", prompt.user)[1]


def run(tmp_path, capsys, **changed):
    replies = {**REPLIES, **changed}
    provider = ScriptedProvider(lambda prompt: fenced(replies[wanted(prompt)]))
    code = main(["--home", str(tmp_path / "demo")], provider=provider)
    return code, capsys.readouterr().out, provider


def test_the_demo_writes_checks_repeats_pins_and_emits(tmp_path, capsys):
    code, out, provider = run(tmp_path, capsys)
    assert code == 0
    assert "5 of 5 answers are right" in out
    assert len(provider.prompts) == 5
    assert out.count("CACHED") == 5
    assert (tmp_path / "demo" / ".agent_repl" / "modules" / "sales.py").exists()
    assert "def total_revenue" in (tmp_path / "demo" / "analyst.py").read_text()


def test_a_second_run_asks_no_model(tmp_path, capsys):
    run(tmp_path, capsys)
    _, out, provider = run(tmp_path, capsys)
    assert provider.prompts == []
    assert "5 of 5 answers are right · 0 model calls" in out


def test_a_wrong_answer_is_called_wrong(tmp_path, capsys):
    by_lines = REPLIES["top_sellers"].replace('+= row["quantity"]', "+= 1")
    _, out, _ = run(tmp_path, capsys, top_sellers=by_lines)
    assert "4 of 5 answers are right" in out
    assert "WRONG" in out


def test_flagged_code_is_skipped_and_said(tmp_path, capsys):
    nosy = """
        import os
        def total_revenue(self):
            \"\"\"All sales together.\"\"\"
            return len(os.environ)
    """
    _, out, _ = run(tmp_path, capsys, total_revenue=nosy)
    assert "skipped: ReviewRequired: sales.total_revenue is written and waits" in out


def test_what_the_demo_does_after_a_restart_is_a_process_of_its_own(tmp_path, capfd):
    provider = ScriptedProvider(lambda prompt: fenced(REPLIES[wanted(prompt)]))
    main(["--home", str(tmp_path / "demo")], provider=provider)
    out = capfd.readouterr().out
    assert "model calls: 0; anthropic imported: False" in out
    assert re.search(r"Sales\('sales.csv'\).total_revenue\(\) → \d+\.\d\d", out)


@pytest.mark.slow
def test_the_command_says_what_it_takes():
    done = subprocess.run([sys.executable, "-m", "agent_repl", "demo", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--provider" in done.stdout
