"""DuckDB and SQLite files, and PostgreSQL over a real connection to a server that the test starts."""

import datetime as dt
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from skucast.collect.database import from_rows, spoken, without_password
from skucast.collect.repairs import Repairs
from skucast.collect.sources import read_tables
from skucast.config import make_config
from skucast.errors import ConfigError, DataError, MissingExtraError, SkucastError

MAKE = """
create table orders (order_id varchar(20), sku varchar(20), quantity integer, ordered_at timestamp, price numeric(10, 2));
insert into orders values ('1', 'A', 2, '2024-01-13 10:00:00', 1.50), ('2', 'B', 1, '2024-01-14 11:30:00', 20.00),
  ('3', '茶', -1, '2024-01-15 08:00:00', null);
create table notes (id integer, text varchar(20));
"""
EXPECTED = {
    "order_id": ["1", "2", "3"], "sku": ["A", "B", "茶"], "quantity": [2.0, 1.0, -1.0],
    "ordered_at": [dt.datetime(2024, 1, 13, 10), dt.datetime(2024, 1, 14, 11, 30), dt.datetime(2024, 1, 15, 8)],
    "price": [1.5, 20.0, None],
}  # fmt: skip
QUERY = "select sku as item, sum(quantity) as qty, max(ordered_at) as date from orders group by sku order by sku"


def read(path: str, folder: Path, **source) -> pl.DataFrame:
    raw = {"source": [{"table": "orders", "path": path, **source}]}
    return read_tables(make_config(raw, root=folder), Repairs())["orders"]


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as base:
        base.executescript(MAKE)
    return "shop.db"


@pytest.fixture
def duck(tmp_path: Path) -> str:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as base:
        base.execute(MAKE)
    return "shop.duckdb"


@pytest.fixture(params=["sqlite", "duck"])
def base(request) -> str:
    return str(request.getfixturevalue(request.param))


# ---- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["", "orders", "ORDERS", '"orders"', "select * from orders order by order_id"])
def test_a_table_or_query_of_a_file(base: str, tmp_path: Path, sql: str) -> None:
    assert read(base, tmp_path, sql=sql).to_dict(as_series=False) == EXPECTED


def test_a_query_may_name_its_own_columns(base: str, tmp_path: Path) -> None:
    orders = read(base, tmp_path, sql=QUERY)
    assert orders.select("sku", "quantity").rows() == [("A", 2.0), ("B", 1.0), ("茶", -1.0)]


def test_an_unknown_table_is_an_error_that_lists_the_tables(base: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no table 'lines': it has notes, orders"):
        read(base, tmp_path, sql="lines")


def test_a_wrong_query_is_one_clear_sentence(base: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"refused the query .*correct sql in skucast.toml") as caught:
        read(base, tmp_path, sql="select nothing from nowhere where x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sql", ["drop table orders", "delete from orders where 1 = 1"])
def test_nothing_is_ever_changed(base: str, tmp_path: Path, sql: str) -> None:
    before = (tmp_path / base).read_bytes()
    with pytest.raises(SkucastError):
        read(base, tmp_path, sql=sql)
    assert (tmp_path / base).read_bytes() == before
    assert read(base, tmp_path).height == 3


def test_several_tables_without_a_name_are_an_error(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as base:
        base.executescript("create table x (a int); create table y (a int);")
    with pytest.raises(ConfigError, match=r"holds several tables \(x, y\): say which one is orders"):
        read("a.db", tmp_path)


def test_an_empty_database_is_an_error(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb")) as base:
        base.execute("create schema nothing")
    with pytest.raises(DataError, match="holds no table"):
        read("a.duckdb", tmp_path)


def test_a_damaged_database_is_an_error(tmp_path: Path, sqlite: str) -> None:
    whole = (tmp_path / sqlite).read_bytes()
    (tmp_path / sqlite).write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    with pytest.raises(DataError, match=r"cannot be read|refused"):
        read(sqlite, tmp_path)


def test_values_of_any_kind_become_columns() -> None:
    when = dt.datetime(2024, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    rows = [(1, 1.5, "a", True, when, None, 2**70, 1), (2, None, None, None, None, None, 1, "x")]
    frame = from_rows(rows, ["i", "f", "t", "b", "w", "n", "big", "mixed"])
    assert frame.dtypes == [
        pl.Int64, pl.Float64, pl.String, pl.Boolean, pl.Datetime("us", "UTC"), pl.String, pl.Float64, pl.String,
    ]  # fmt: skip
    assert frame["w"].dt.hour()[0] == 4
    assert frame["mixed"].to_list() == ["1", "x"]
    assert from_rows([], ["a", "a"]).columns == ["a", "a (2)"]


# ---- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["postgresql://bob:s3cret@db:5432/shop", "postgres://bob:s3cret@db/shop?sslmode=require",
     "postgresql://bob@db/shop?password=s3cret", "postgresql://bob:s3cret%40@db/shop", "postgresql://bob:s3cret@x@db/shop"],
)  # fmt: skip
def test_passwords_are_never_shown(address: str) -> None:
    assert "s3cret" not in without_password(address)
    assert "bob" not in without_password(address)
    assert "s3cret" not in spoken(RuntimeError(f'invalid dsn "{address}" with s3cret, s3cret@'), address)
    config = make_config({"source": [{"table": "orders", "path": address}]})
    assert "s3cret" not in str(config.model_dump(mode="json"))
    assert config.source[0].path == address


def test_a_server_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(DataError, match=r"'postgresql://127\.0\.0\.1:1/shop' cannot be reached") as caught:
        read("postgresql://bob:s3cret@127.0.0.1:1/shop", tmp_path)
    assert "s3cret" not in str(caught.value)


def test_without_the_driver_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'skucast\[postgres\]'"):
        read("postgresql://localhost/shop", tmp_path)


# ---- PostgreSQL ------------------------------------------------------------------------------


def _programs() -> Path | None:
    """Folder of the newest server's programs."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return Path(found).parent if found else places[-1].parent if places else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a server of our own, with a password, stopped at the end."""
    pytest.importorskip("psycopg", reason="psycopg (extra 'postgres') is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here: neither initdb on PATH nor /usr/lib/postgresql/*/bin/initdb")
    user = None
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            shutil.chown(home := tempfile.mkdtemp(prefix="skucast-pg-"), "postgres")
        except LookupError:
            pytest.skip("running as root, and there is no user 'postgres' to start the server as")
        user = "postgres"
    else:
        home = tempfile.mkdtemp(prefix="skucast-pg-")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = Path(home) / "secret"
    secret.write_text("s3cret-pass\n")
    secret.chmod(0o644)

    def call(program: str, *args: str) -> None:
        done = subprocess.run(
            [str(programs / program), *args],
            user=user, cwd=home, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    data = f"{home}/data"
    call(
        "initdb",
        "-D",
        data,
        "-U",
        "shopkeeper",
        "-A",
        "scram-sha-256",
        f"--pwfile={secret}",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    )
    options = f"-h 127.0.0.1 -p {port} -k {home} -c fsync=off -c shared_buffers=16MB"
    call("pg_ctl", "-D", data, "-w", "-l", f"{home}/log", "-o", options, "start")
    try:
        address = f"postgresql://shopkeeper:s3cret-pass@127.0.0.1:{port}/postgres"
        import psycopg

        with psycopg.connect(address, autocommit=True) as base:
            base.execute(MAKE)
            base.execute("create schema archive")
            base.execute("create table archive.lines as select * from orders where quantity > 0")
            base.execute(
                "create table many as select 'S' || (i % 50) as sku, 1 as quantity, "
                "timestamptz '2024-01-01 23:30:00+00' + i * interval '1 hour' as ordered_at from generate_series(0, 249999) i"
            )
        yield address
    finally:
        call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("sql", ["", "orders", "public.orders", "select * from orders order by order_id;"])
def test_a_table_or_query_of_a_server(server: str, tmp_path: Path, sql: str) -> None:
    assert read(server, tmp_path, sql=sql).to_dict(as_series=False) == EXPECTED


def test_a_table_of_another_schema(server: str, tmp_path: Path) -> None:
    assert read(server, tmp_path, sql="archive.lines")["sku"].to_list() == ["A", "B"]


def test_many_rows_come_in_batches_and_zones_move_to_the_shop(server: str) -> None:
    raw = {"source": [{"table": "orders", "path": server, "sql": "many"}], "project": {"timezone": "Asia/Shanghai"}}
    orders = read_tables(make_config(raw), Repairs())["orders"]
    assert orders.height == 250_000
    assert orders["sku"].n_unique() == 50
    assert orders["ordered_at"].min() == dt.datetime(2024, 1, 2, 7, 30)


def test_a_wrong_password_is_one_clear_sentence_without_it(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be reached .*check the address") as caught:
        read(server.replace("s3cret-pass", "wr0ng-pass"), tmp_path)
    assert "wr0ng-pass" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_table_of_a_server_lists_the_others(server: str, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"has no table 'lines': it has archive\.lines, many, notes, orders"
    ) as caught:
        read(server, tmp_path, sql="lines")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("sql", ["select * from orders where", "delete from orders returning *", "drop table orders"])
def test_a_server_is_only_read(server: str, tmp_path: Path, sql: str) -> None:
    with pytest.raises(DataError, match="refused the query") as caught:
        read(server, tmp_path, sql=sql)
    assert "s3cret" not in str(caught.value)
    assert read(server, tmp_path).height == 3
