"""What a process writes is cut into lines, and what the runtime client logs into records."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from local_lambda.limits import MAX_LOG_EVENT_BYTES
from local_lambda.processes.outputs import MAX_RECORD_BYTES, FramedOutput, Output
from local_lambda.processes.process import Process

TIME = 1_700_000_000_123_456


class Pipe:
    """The write end of an output, and the lines that came out of the read end."""

    def __init__(self, kind: type[Output]) -> None:
        read, self.write_end = os.pipe()
        os.set_blocking(read, False)
        self.lines: list[tuple[str, float | None]] = []
        process = Process("runtime")
        process.connect(lambda line, time: self.lines.append((line, time)), lambda process: None)
        self.output = kind(read, process)

    def write(self, *chunks: bytes) -> list[str]:
        """Write each chunk and read it; all lines so far."""
        for chunk in chunks:
            os.write(self.write_end, chunk)
            self.output.read()
        return self.texts

    def hang_up(self) -> list[str]:
        """Close the write end and read to the end; all lines."""
        os.close(self.write_end)
        self.write_end = -1
        self.output.read()
        return self.texts

    @property
    def texts(self) -> list[str]:
        return [line for line, _ in self.lines]

    def close(self) -> None:
        for descriptor in (self.output.descriptor, self.write_end):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Standard output."""
    pipe = Pipe(Output)
    yield pipe
    pipe.close()


@pytest.fixture
def log() -> Iterator[Pipe]:
    """The log descriptor."""
    pipe = Pipe(FramedOutput)
    yield pipe
    pipe.close()


def frame(text: bytes, kind: int = 0xA55A000F) -> bytes:
    """A record as the runtime client writes it."""
    return kind.to_bytes(4, "big") + len(text).to_bytes(4, "big") + TIME.to_bytes(8, "big") + text


def test_read_of_several_lines_gives_each(pipe: Pipe) -> None:
    """Lines end at a line feed and keep it; a carriage return is part of a line."""
    assert pipe.write(b"one\ntwo\r\n\nthree\rstill\n") == ["one\n", "two\r\n", "\n", "three\rstill\n"]
    assert {time for _, time in pipe.lines} == {None}


def test_read_of_a_line_in_pieces_gives_it_once(pipe: Pipe) -> None:
    """A line is given out when its end is there, even when a character was cut in two."""
    assert pipe.write(b"h\xc3") == []
    assert pipe.write(b"\xa4ll", b"o\n") == ["hällo\n"]


def test_flush_gives_a_line_without_an_end(pipe: Pipe) -> None:
    """It does not add a line feed; the rest comes as a separate line."""
    pipe.write(b"no end")
    pipe.output.flush()
    assert pipe.write(b", really\n") == ["no end", ", really\n"]


def test_read_when_the_writer_is_gone_gives_the_rest(pipe: Pipe) -> None:
    """The last line needs no end."""
    pipe.write(b"one\ntw")
    assert pipe.hang_up() == ["one\n", "tw"]
    assert pipe.output.closed


def test_read_of_bytes_that_are_no_utf8_replaces_them(pipe: Pipe) -> None:
    """Nothing a function writes can break the tool."""
    assert pipe.write(b"\xff\x00\xfe\n") == ["\ufffd\x00\ufffd\n"]


def test_read_of_a_line_of_a_megabyte_cuts_it(pipe: Pipe) -> None:
    """At 256 KB, the size of a log event; nothing is lost and nothing grows without end."""
    for _ in range(32):
        pipe.write(b"x" * 32_768)
    pipe.write(b"\n")
    assert "".join(pipe.texts) == "x" * (1 << 20) + "\n"
    assert all(len(text) <= MAX_LOG_EVENT_BYTES + 65_536 for text in pipe.texts)


def test_read_of_frames_gives_each_record_with_its_time(log: Pipe) -> None:
    """A record may have many lines, and is one event; text and JSON records look alike."""
    log.write(frame(b"[ERROR] E\nTraceback:\n  line\n") + frame(b'{"level":"INFO"}\n', 0xA55A000E))
    assert log.lines == [
        ("[ERROR] E\nTraceback:\n  line\n", 1_700_000_000.123456),
        ('{"level":"INFO"}\n', 1_700_000_000.123456),
    ]


def test_read_of_a_frame_in_pieces_gives_it_once(log: Pipe) -> None:
    """Cut anywhere: in the header, in the record."""
    whole = frame("hällo".encode()) + frame(b"again")
    assert log.write(*(whole[i : i + 1] for i in range(len(whole)))) == ["hällo", "again"]


def test_flush_in_the_middle_of_a_frame_waits(log: Pipe) -> None:
    """A record is given out when it is whole."""
    whole = frame(b"hello")
    log.write(whole[:18])
    log.output.flush()
    assert log.write(whole[18:]) == ["hello"]


def test_read_of_a_frame_of_a_megabyte_gives_one_record(log: Pipe) -> None:
    """However large it is, and in however many pieces it arrives."""
    whole = frame(b"x" * (1 << 20))
    for start in range(0, len(whole), 32_768):
        log.write(whole[start : start + 32_768])
    assert log.texts == ["x" * (1 << 20)]


def test_read_when_the_writer_dies_in_a_frame_gives_what_came(log: Pipe) -> None:
    """The rest of a broken frame is shown, not swallowed."""
    log.write(frame(b"whole") + frame(b"broken off")[:-4])
    texts = log.hang_up()
    assert texts[0] == "whole"
    assert "broken" in "".join(texts[1:])


def test_read_of_a_frame_that_claims_4_gigabytes_gives_pieces(log: Pipe) -> None:
    """Nothing grows with what is claimed, and the end of the writer says how much there was."""
    head = frame(b"")[:4] + b"\xff\xff\xff\xff" + frame(b"")[8:]
    log.write(head, *[b"x" * 65_536] * 320)
    assert log.texts == ["x" * MAX_RECORD_BYTES] * 2
    *pieces, last = log.hang_up()
    assert "".join(pieces) == "x" * 65_536 * 320
    assert last == "[a log record of 4294967295 bytes ended after 20971520]\n"


def test_read_of_a_frame_without_a_record_gives_an_empty_one(log: Pipe) -> None:
    """The next is not lost."""
    assert log.write(frame(b"") + frame(b"next")) == ["", "next"]


def test_read_of_something_that_is_no_frame_gives_lines(log: Pipe) -> None:
    """Other code may write to the descriptor by accident."""
    assert log.write(frame(b"one"), b"plain text\n") == ["one", "plain text\n"]
