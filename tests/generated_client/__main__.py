"""Aim: a client that a stranger's tool makes of the OpenAPI document alone can use the mesh.

Method: openapi-python-client, in an environment of its own, generates a client; `drive.py` runs
there, with nothing of ours on its path, against a whole mesh that this process has started and
taught some music. Run by `make generated-client`.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
from pathlib import Path

from sonica_client import SonicaClient, Track

from mesh import local
from tests.mesh import music

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs" / "reference" / "openapi.json"
TRACK_COUNT = 3


async def teach(edge: str) -> None:
    """Registers the first pieces."""
    async with SonicaClient(edge) as client:
        for index in range(TRACK_COUNT):
            track = Track(title=music.piece(index).title, external_id=f"piece-{index}")
            await client.register(music.recording(index), track)


def main() -> None:
    """Generates the client and drives it; fails when either does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="bin/ of its environment")
    tools: Path = parser.parse_args().tools
    with tempfile.TemporaryDirectory(prefix="generated") as folder:
        client = Path(folder, "generated_sonica")
        generate = [tools / "openapi-python-client", "generate", "--meta", "none"]
        # It has much to say of media types that it leaves out: it sends octet-stream.
        subprocess.run(
            [*generate, "--path", DOCUMENT, "--output-path", client],
            check=True,
            capture_output=True,
        )
        clip = Path(folder, "clip.wav")
        clip.write_bytes(music.noisy_excerpt(2, 3.6))
        mesh = local.up(Path(folder, "data"), port=0, is_open=True)
        try:
            asyncio.run(teach(mesh.edge_address))
            url = f"http://{mesh.edge_address}"
            drive = [tools / "python", HERE / "drive.py", url, clip, str(TRACK_COUNT)]
            subprocess.run(drive, check=True, env={"PYTHONPATH": folder})
        finally:
            local.down(Path(folder, "data"))


if __name__ == "__main__":
    main()
