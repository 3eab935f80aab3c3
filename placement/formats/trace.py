"""Request traces as instances: the CSV of the Azure LLM inference traces.

The traces (Azure/AzurePublicDataset on GitHub, CC-BY) say when a request came and how many tokens
went in and out: `TIMESTAMP,ContextTokens,GeneratedTokens`. They do not say which model answered,
where the user was and what the network looked like; these are drawn.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from placement.errors import InputError
from placement.generate.answerable import make_answerable
from placement.generate.demand import Demand, Streams, draw_streams
from placement.generate.draw import Floats, Ints, pick, stream
from placement.generate.market import Market, ease, make_pools
from placement.generate.network import Network, make_network
from placement.generate.ordinary import ordinary_shape, price
from placement.instance import Instance

HEADER = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
MOST_TOKENS = 10**9
CORRECTIONS = 2
"""Classes that keeping the total exact may add."""


@dataclass(frozen=True, slots=True)
class _Calls:
    """Requests of a trace: seconds since 1970, tokens, and the file they came from."""

    time_s: Floats
    tokens: Ints
    """Input in row 0, output in row 1."""
    file: Ints


def read_trace(
    paths: str | Path | Sequence[str | Path],
    *,
    seed: int = 0,
    preset: str = "small",
    window_s: float = 3600.0,
    start_s: float = 0.0,
    max_classes: int = 150,
    buckets: int = 3,
    load: float | None = None,
) -> Instance:
    """Turn a window of one or more traces into an instance.

    Each request of the window is given to one of some streams of users, each with a model, a
    region, a policy and so on, drawn by popularity as in the presets. Requests of one stream and
    one file whose lengths fall into the same bucket become a class, with their mean lengths
    rounded to whole tokens. The sums of input and of output tokens over all requests are those of
    the window exactly: what rounding leaves over is handed from class to class, from rare to
    common, and the most common class is split where a rest stays.

    Parameters
    ----------
    paths
        One CSV file, or several to be merged by their time stamps.
    seed
        Any whole number from zero on.
    preset
        The ordinary preset of `placement.generate` whose fleet answers the requests.
    window_s, start_s
        Length of the window and its start after the first request of all files, in seconds.
    max_classes
        The most request classes to make.
    buckets
        Parts of equal size into which input and output lengths are cut.
    load
        None leaves the counts as they are: a whole hour of the public traces keeps a few
        accelerators busy. A number repeats every request as often as it takes until demand takes
        this share of the fleet's compute.

    Raises
    ------
    InputError
        If a file cannot be read (with the line and column), the window is empty, or an argument
        makes no sense.
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    _check_window(seed, window_s, start_s, load)
    _check_classes(files, max_classes, buckets)
    calls = _window(_read(files), window_s, start_s)
    shape = replace(ordinary_shape(preset), proof_share=0.0)
    network = make_network(shape, seed)
    size = max(1, (max_classes - CORRECTIONS) // (buckets**2 * len(files)))
    streams = draw_streams(shape, size, network.fleet, network.zoo, stream(seed, "streams"))
    make_answerable(streams, network.fleet, network.groups, network.zoo)
    demand = _classes(calls, streams, buckets, stream(seed, "trace"))
    repeats = _repeat(demand, network, window_s, load)
    stems = "+".join(Path(file).stem for file in files)
    source = (
        f"{stems}, {len(calls.file)} requests of {window_s:g} s from {start_s:g} s on, each "
        f"{repeats} times; fleet, models, users and policies drawn as in "
        f"placement generate {preset} --seed {seed}"
    )
    return price(
        network, demand, name=f"{stems}-{seed}", source=source, window_s=window_s, seed=seed
    )


def _check_window(seed: int, window_s: float, start_s: float, load: float | None) -> None:
    if seed < 0:
        raise InputError(f"the seed must be a whole number from zero on, not {seed}.")
    if not 0 < window_s < np.inf:
        raise InputError(f"window_s must be a positive number, not {window_s}.")
    if not 0 <= start_s < np.inf:
        raise InputError(f"start_s must be zero or more, not {start_s}.")
    if load is not None and not 0 < load < np.inf:
        raise InputError(f"load must be a positive number, not {load}.")


def _check_classes(files: Sequence[str | Path], max_classes: int, buckets: int) -> None:
    if not files:
        raise InputError("at least one trace file is needed.")
    if buckets < 1:
        raise InputError(f"buckets must be at least 1, not {buckets}.")
    fewest = buckets**2 * len(files) + CORRECTIONS
    if max_classes < fewest:
        raise InputError(
            f"max_classes must be at least {fewest} for {len(files)} files in {buckets} x "
            f"{buckets} buckets, not {max_classes}."
        )


# --- reading ---------------------------------------------------------------------------------


def _read(files: Sequence[str | Path]) -> _Calls:
    parts = [list(_rows(Path(file))) for file in files]
    rows = [row for part in parts for row in part]
    return _Calls(
        time_s=np.array([row[0] for row in rows]),
        tokens=np.array([row[1:] for row in rows], dtype=np.int64).reshape(-1, 2).T,
        file=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
    )


def _rows(path: Path) -> Iterator[tuple[float, int, int]]:
    """Time [s], input tokens and output tokens of each line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            _check_header(path, next(reader, None))
            for row in reader:
                if row:
                    yield _parsed(f"{path.name}, line {reader.line_num}", row)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not UTF-8 text.") from None
    except csv.Error as error:
        raise InputError(f"{path.name}, line {reader.line_num}: not CSV, {error}.") from None


def _check_header(path: Path, header: list[str] | None) -> None:
    if header is None:
        raise InputError(f"{path.name} is empty; the first line must be {','.join(HEADER)}.")
    if tuple(name.strip() for name in header) != HEADER:
        raise InputError(f"{path.name}, line 1: the header must be {','.join(HEADER)}.")


def _parsed(where: str, row: list[str]) -> tuple[float, int, int]:
    if len(row) != len(HEADER):
        raise InputError(f"{where}: there must be {len(HEADER)} columns, not {len(row)}.")
    try:
        moment = datetime.fromisoformat(row[0].strip())
    except ValueError:
        raise InputError(
            f"{where}, column {HEADER[0]}: must be a date and time such as "
            f"2023-11-16 18:17:03.98, got {row[0][:40]!r}."
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp(), _tokens(where, 1, row[1]), _tokens(where, 2, row[2])


def _tokens(where: str, column: int, text: str) -> int:
    digits = text.strip()
    if digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= MOST_TOKENS:
        return int(digits)
    raise InputError(
        f"{where}, column {HEADER[column]}: must be a whole number from 0 to {MOST_TOKENS}, "
        f"got {text[:40]!r}."
    )


def _window(calls: _Calls, window_s: float, start_s: float) -> _Calls:
    if not len(calls.file):
        raise InputError("the trace has a header but no requests.")
    after = calls.time_s - calls.time_s.min()
    inside = (after >= start_s) & (after < start_s + window_s)
    if not inside.any():
        raise InputError(
            f"no request came from {start_s:g} to {start_s + window_s:g} s after the first; "
            f"the last came after {after.max():.0f} s."
        )
    return _Calls(calls.time_s[inside], calls.tokens[:, inside], calls.file[inside])


# --- classes ---------------------------------------------------------------------------------


def _classes(calls: _Calls, streams: Streams, buckets: int, rng: np.random.Generator) -> Demand:
    """Requests of one file, stream and bucket as one class."""
    user = pick(rng, streams.weight, len(calls.file))
    cells = [_cells(row, calls.file, buckets) for row in calls.tokens]
    key = np.stack([user, calls.file, *cells])
    (user, *_), of, count = np.unique(key, axis=1, return_inverse=True, return_counts=True)
    of = of.ravel()
    sums = [np.bincount(of, row).astype(np.int64) for row in calls.tokens]
    lengths, rests = zip(*(_means(total, count) for total in sums), strict=True)
    return _split(_of_streams(streams, user), count, lengths, rests)


def _cells(tokens: Ints, file: Ints, buckets: int) -> Ints:
    """The bucket of each length among those of its file."""
    cell = np.zeros(len(tokens), dtype=np.int64)
    for f in np.unique(file):
        own = tokens[file == f]
        edges = np.quantile(own, np.arange(1, buckets) / buckets)
        cell[file == f] = np.searchsorted(edges, own, side="right")
    return cell


def _means(total: Ints, count: Ints) -> tuple[Ints, int]:
    """Whole mean lengths, and how many requests of the most common class get one token more.

    What rounding leaves over goes to the next class, from rare to common, where it weighs least.
    """
    length = np.zeros(len(count), dtype=np.int64)
    left = 0
    for c in np.argsort(count, kind="stable"):
        length[c], left = divmod(left + int(total[c]), int(count[c]))
    return length, left


def _split(streams: Streams, count: Ints, lengths: Sequence[Ints], rests: Sequence[int]) -> Demand:
    """Cut the most common class where its requests get one token more."""
    last = int(np.argsort(count, kind="stable")[-1])
    cuts = sorted({0, *rests, int(count[last])})
    extra = len(cuts) - 2
    of = np.append(np.arange(len(count)), np.full(extra, last))
    count = count[of]
    pieces = np.append([last], len(count) - extra + np.arange(extra))
    count[pieces] = np.diff(cuts)
    tokens = []
    for length, rest in zip(lengths, rests, strict=True):
        column = length[of]
        column[pieces] += np.array(cuts[:-1]) < rest
        tokens.append(column.astype(float))
    return Demand(_of_streams(streams, of), count, *tokens)


def _of_streams(streams: Streams, of: Ints) -> Streams:
    """The columns of the stream of each class."""
    return Streams(
        model=streams.model[of],
        region=streams.region[of],
        policy=streams.policy[of],
        bound=streams.bound[of],
        batch=streams.batch[of],
        weight=streams.weight[of],
    )


def _repeat(demand: Demand, network: Network, window_s: float, load: float | None) -> int:
    """Repeat requests until they take `load` of the fleet; how often."""
    pools = make_pools(network.fleet, window_s)
    shape, zoo = network.shape, network.zoo
    repeats = 1
    while True:
        if load is not None:
            once = Market(demand, pools, zoo).load / repeats
            demand.count //= repeats
            repeats = max(1, round(load / once))
            demand.count *= repeats
        if not (shape.crowding and ease(demand, pools, zoo, shape.crowding)):
            return repeats
