"""Text files: encodings, delimiters and rows, against Python's own csv module."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.collect.repairs import Repairs
from skucast.collect.text import Dialect, TextFile, find_delimiter, find_encoding, sniff
from skucast.errors import ConfigError, DataError

CHINESE = "订单号,商品编码,数量\n1,杯子,3\n2,茶壶,1\n"
GERMAN = "Artikel;Menge;Größe\nTürgriff;3;groß\nSchlüssel;1;klein\n"


def written(folder: Path, data: bytes | str, encoding: str = "utf-8", name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding))
    return path


def read(path: Path, size: int = 0, repairs: Repairs | None = None, **stated) -> list:
    file = TextFile(path, path.name, sniff(path, path.name, **stated))
    return list(file.blocks("orders", Repairs() if repairs is None else repairs, size))


def rows_of(path: Path, size: int = 0) -> list[list[str | None]]:
    return [list(row) for raw in read(path, size) for row in raw.frame.rows()]


@pytest.mark.parametrize(
    "text, encoding, found",
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "utf-16", "utf-16"),
        ("sku,qty\nA,1\nB,2\n", "utf-16-le", "utf-16-le"),
        ("sku,qty\nA,1\nB,2\n", "utf-16-be", "utf-16-be"),
        (GERMAN, "cp1252", "cp1252"),
        (GERMAN, "latin-1", "cp1252"),
        ("sku,price\nA,5 €\n", "cp1252", "cp1252"),
        ("sku,qty\nA,1\n", "ascii", "utf-8"),
    ],
)
def test_encoding_is_found(tmp_path: Path, text: str, encoding: str, found: str) -> None:
    assert find_encoding(written(tmp_path, text, encoding), "a.csv") == found


def test_encoding_is_found_when_the_first_special_letter_comes_late(tmp_path: Path) -> None:
    plain = "sku,qty\n" + "A100,1\n" * 400_000
    assert find_encoding(written(tmp_path, plain + "杯子,2\n", "gb18030"), "a.csv") == "gb18030"
    assert find_encoding(written(tmp_path, plain + "Größe,2\n", "cp1252"), "a.csv") == "cp1252"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("size", [0, 7, 64])
def test_text_survives_its_encoding(tmp_path: Path, encoding: str, size: int) -> None:
    path = written(tmp_path, CHINESE, encoding)
    assert rows_of(path, size) == [["1", "杯子", "3"], ["2", "茶壶", "1"]]


@pytest.mark.parametrize("mark", list(",;\t|"))
def test_delimiter_is_found(mark: str) -> None:
    lines = [mark.join(row) for row in (["sku", "name", "price"], ["A", "x, y; z", "1,5"], ["B", "w", "2,5"])]
    assert find_delimiter(lines) == mark


def test_quoted_delimiters_do_not_mislead() -> None:
    assert find_delimiter(['sku;"a, b, c"', 'A;"1, 2, 3"', 'B;"4, 5, 6"']) == ";"


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=12),
    size=st.sampled_from([0, 16, 100]),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_rows_are_those_of_the_csv_module(tmp_path_factory, rows, size, ending, quoting) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=ending, quoting=quoting)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    path = written(tmp_path_factory.mktemp("csv"), text.getvalue())
    file = TextFile(path, "a.csv", Dialect("utf-8", ","))
    found = [
        [cell or None for cell in row] for raw in file.blocks("orders", Repairs(), size) for row in raw.frame.rows()
    ]
    expected = [[cell or None for cell in row] for row in rows if any(cell.strip() for cell in row)]
    found = [row for row in found if any((cell or "").strip() for cell in row)]
    assert found == expected


def test_blocks_together_are_the_whole_file(tmp_path: Path) -> None:
    lines = [f'{i},"note, with\nbreak {i}",{i % 7}' for i in range(500)]
    path = written(tmp_path, "id,note,qty\n" + "\n".join(lines) + "\n")
    whole = rows_of(path)
    assert len(whole) == 500
    assert rows_of(path, 300) == whole


def test_lines_are_counted_over_line_breaks_in_fields(tmp_path: Path) -> None:
    path = written(tmp_path, 'id,note\n1,"two\nlines"\n2,x\n3,y\n')
    (raw,) = read(path)
    assert [raw.where(i) for i in range(3)] == ["'a.csv', line 2", "'a.csv', line 4", "'a.csv', line 5"]


def test_lines_of_later_blocks_are_counted_from_the_start_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "id,qty\n" + "".join(f"{i},1\n" for i in range(2, 200)))
    for raw in read(path, 50):
        assert raw.where(0) == f"'a.csv', line {raw.frame['id'][0]}"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_any_system(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, ending.join(["sku,qty", "A,1", "B,2", ""]))
    assert rows_of(path) == [["A", "1"], ["B", "2"]]


def test_a_compressed_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(CHINESE.encode("gb18030")), name="a.csv.gz")
    assert rows_of(path) == [["1", "杯子", "3"], ["2", "茶壶", "1"]]


def test_stray_quotes_are_text(tmp_path: Path) -> None:
    path = written(tmp_path, 'sku,name,qty\nA,5" ruler,1\nB,plain,2\n')
    assert rows_of(path) == [["A", '5" ruler', "1"], ["B", "plain", "2"]]


def test_lines_with_too_many_fields_are_left_out_and_counted(tmp_path: Path) -> None:
    repairs = Repairs()
    path = written(tmp_path, "sku,qty\nA,1\nB,2,stray\nC,3\nD,4\nE,5,\n")
    (raw,) = read(path, repairs=repairs)
    assert raw.frame["sku"].to_list() == ["A", "C", "D", "E"]
    (row,) = repairs.rows
    assert (row["rule"], row["action"], row["rows"]) == ("too-many-fields", "rejected", 1)
    assert "line 3" in str(row["example"])
    assert raw.where(1) == "'a.csv', line 4"


def test_lines_with_too_few_fields_are_kept_and_counted(tmp_path: Path) -> None:
    repairs = Repairs()
    (raw,) = read(written(tmp_path, "sku,qty,price\nA,1,2\nB,2\n"), repairs=repairs)
    assert raw.frame.row(1) == ("B", "2", None)
    assert [(row["rule"], row["rows"]) for row in repairs.rows] == [("too-few-fields", 1)]


def test_a_header_that_is_too_narrow_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, "Report,\n" + "".join(f"a,b,c,{i}\n" for i in range(9)))
    with pytest.raises(DataError, match=r"more fields than its header.*skip_rows"):
        read(path)


def test_headers_become_unique_and_are_never_empty(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeff sku ,qty,,qty,="007"\nA,1,2,3,4\n')
    file = TextFile(path, "a.csv", sniff(path, "a.csv"))
    assert file.headers == ["sku", "qty", "column 3", "qty (2)", "007"]


def test_a_stated_utf8_file_may_have_a_mark_and_a_quoted_header(tmp_path: Path) -> None:
    path = written(tmp_path, '"sku","qty"\n"A","1"\n', "utf-8-sig")
    file = TextFile(path, "a.csv", sniff(path, "a.csv", "utf-8"))
    assert file.headers == ["sku", "qty"]


def test_ten_thousand_columns(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(10_000)]
    path = written(tmp_path, ",".join(names) + "\n" + ",".join(map(str, range(10_000))) + "\n")
    (raw,) = read(path)
    assert raw.frame.shape == (1, 10_000)
    assert raw.frame["c9999"].to_list() == ["9999"]


def test_a_quote_that_is_never_closed_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, 'sku,name\nA,x\nB,"open\n' + "C,y\n" * 20)
    with pytest.raises(DataError, match=r"quotation mark in line 3 that is never closed"):
        read(path)


@pytest.mark.parametrize("data", [b"", b"   \n \n"])
def test_an_empty_file_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match="is empty"):
        read(written(tmp_path, data))


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.4 bla", b"\x89PNG\r\n", b"PK\x03\x04abc", np.random.default_rng(1).bytes(4000)],
    ids=["pdf", "png", "zip", "random"],
)
def test_a_binary_file_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match="is no text file"):
        read(written(tmp_path, data))


@pytest.mark.parametrize("stated", ["utf-8", "UTF-8", "ascii"])
def test_a_wrong_stated_encoding_is_an_error(tmp_path: Path, stated: str) -> None:
    path = written(tmp_path, CHINESE, "gb18030")
    with pytest.raises(DataError, match=r"is not written in .* throughout"):
        read(path, encoding=stated)


def test_an_unknown_encoding_is_an_error_of_the_project_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Encoding 'klingon'.*unknown"):
        read(written(tmp_path, CHINESE), encoding="klingon")


def test_a_file_with_two_encodings_inside_is_an_error_not_a_guess(tmp_path: Path) -> None:
    mixed = "name,qty\n杯子,1\n茶壶,1\n".encode("gb18030") + "é à\xff,2\n".encode("latin-1") + b"\x81\xff\xff,3\n"
    with pytest.raises(DataError, match="is not written in"):
        read(written(tmp_path, mixed))
