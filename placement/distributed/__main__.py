"""A worker process: `python -m placement.distributed` answers one task."""

from placement.distributed.piecework import serve

if __name__ == "__main__":
    serve()
