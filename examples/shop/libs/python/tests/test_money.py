from pathlib import Path

from shop.money import format_cents

AMOUNTS = Path(__file__).parents[2] / "money" / "amounts.tsv"


def test_amounts_print_as_people_read_them():
    for line in AMOUNTS.read_text().splitlines():
        cents, want = line.split("\t")
        assert format_cents(int(cents)) == want
