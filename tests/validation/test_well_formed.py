"""What an input says about itself while no database can be asked: typed, scanned or read from a label."""

import pytest

from app.validation.questions import well_formed


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("PO-7K3M9QWX2R", True),
        ("p.o. no. 7k3m 9qwx 2r", True),
        ("PO# PO-7K3M9QWX2R", True),
        ("PO-7K3M9QWX2A", False),
        ("Zürich", False),
        ("", False),
        ("- -", False),
        ("X" * 36, False),
        ("X" * 35, None),
        ("4500012345", None),
        ("PO98676856", None),
        ("7K3M9QWX2R", None),
        # Scanned: the number stands in AI (400), beside a GLN or an SSCC.
        ("]C1400PO-7K3M9QWX2R", True),
        ("]d2400PO-7K3M9QWX2R\x1d4104012345000009", True),
        ("]Q34104012345000009400PO-7K3M9QWX2R", True),
        ("(400)PO-7K3M9QWX2R(410)4012345000009", True),
        ("]C1400PO-7K3M9QWX2A", False),
        ("]C14004500012345", None),
        ("]C1410" + "4012345000009", False),
        # Any other bar code holds the number as it is; an article's holds none.
        ("]C0PO-7K3M9QWX2R", True),
        ("]A0Purchase Order No. PO-7K3M9QWX2R", True),
        ("]E04012345000009", False),
        ("https://id.example/400/PO-7K3M9QWX2R", False),
        ("x" * 5_000, False),
    ],
)
def test_an_input_says_without_the_database_whether_it_looks_like_a_number_of_ours(
    text: str, verdict: bool | None
) -> None:
    assert well_formed(text) is verdict
