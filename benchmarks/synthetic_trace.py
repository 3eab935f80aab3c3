"""A made-up trace in the format of the Azure LLM inference traces, on standard output.

    python benchmarks/synthetic_trace.py > instances/synthetic-trace.csv

Arrivals are gamma, token lengths lognormal with the figures that `placement.generate` fits to the
conversation part of the 2023 trace (Azure/AzurePublicDataset, CC-BY). No line of it is real.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

REQUESTS, SPAN_S = 600, 3600.0
INPUT, OUTPUT = (6.63, 0.99), (5.02, 0.86)
SHAPE = 0.87
"""Of the gaps between requests; 1 would be a Poisson process."""


def main() -> None:
    """Print the trace."""
    rng = np.random.default_rng(2023)
    gaps = rng.gamma(SHAPE, size=REQUESTS)
    seconds = np.cumsum(gaps) * SPAN_S / gaps.sum()
    inputs, outputs = (
        np.exp(rng.normal(*part, REQUESTS)).astype(int) + 1 for part in (INPUT, OUTPUT)
    )
    start = datetime(2025, 1, 1, 12, tzinfo=UTC)
    print("TIMESTAMP,ContextTokens,GeneratedTokens")
    for t, i, o in zip(seconds.tolist(), inputs.tolist(), outputs.tolist(), strict=True):
        moment = start + timedelta(seconds=round(t - seconds[0], 3))
        print(f"{moment:%Y-%m-%d %H:%M:%S.%f},{i},{o}")


if __name__ == "__main__":
    main()
