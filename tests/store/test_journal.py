"""The journal times stages and tells its listener."""

from skucast.store.journal import Journal


def test_stages_are_recorded_and_told():
    heard = []
    journal = Journal(lambda event, stage, fraction: heard.append((event, stage.name, fraction)))
    with journal.stage("read") as stage:
        stage.note, stage.count = "12 lines", 12
        journal.progress("reading", 0.5)
    assert heard == [("begin", "read", 0.0), ("progress", "reading", 0.5), ("end", "read", 1.0)]
    assert [(s.name, s.count) for s in journal.stages] == [("read", 12)]
    assert journal.stages[0].seconds >= 0
    assert "12 lines" in journal.text()


def test_a_journal_without_listener_is_silent(capsys):
    with Journal().stage("read"):
        pass
    assert capsys.readouterr().out == ""
