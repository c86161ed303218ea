"""The commands around the ready weights: weights list, and app, a page to try them on."""

import argparse
import importlib.util
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from hcegan_lib.cli.messages import complain
from hcegan_lib.cli.parser import add_command

HOST = "127.0.0.1"  # only this computer: there is no password
# Voila's page asks for a font from the network, which is forbidden here, and closes the connection at 10 MB.
POLICY = "style-src 'self' 'unsafe-inline'; font-src 'self' data:; frame-ancestors 'self'"
SETTINGS = {"websocket_max_message_size": 200 * 2**20, "headers": {"Content-Security-Policy": POLICY}}


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    weights = add_command(commands, "weights", None, "list the ready weights")
    actions = weights.add_subparsers(title="actions", metavar="ACTION", required=True)
    add_command(actions, "list", run_list, "print name, size, training photographs and scores of the ready weights")
    app = add_command(commands, "app", run_app, "serve a page on this computer that colors a photograph of your own")
    app.add_argument("--port", type=int, default=8866, metavar="N", help="default: 8866")


def run_list(args: argparse.Namespace) -> int:
    """Print one row per generator, and one per set of test photographs."""
    from hcegan_lib.experiment import weights

    for name, entry in weights.manifest().items():
        size = f"{(weights.FOLDER / entry['file']).stat().st_size / 1e6:.1f} MB"
        print(f"{name:10} {entry['image_size']:4} px  {size:>8}  {entry['trained_on']}")
        for test, scores in entry["scores"].items():
            psnr, ssim, color = (scores[key][0] for key in ("psnr_over_gray", "ssim_over_gray", "colorfulness"))
            set_name = f"{test}, {scores['photographs']} test photographs:"
            print(f"{'':12}{set_name} PSNR {psnr:+.2f} dB, SSIM {ssim:+.2f} points, colorfulness {color:.0%}")
    print("PSNR and SSIM: minus the gray copy's; colorfulness: as a share of the originals'")
    return 0


def run_app(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    if importlib.util.find_spec("voila") is None:
        return complain("hcegan app needs Voila: pip install voila, or pip install -e '.[app]' in the kit's folder", 1)
    require_free(args.port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the server too, as Ctrl-C does
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "color.ipynb"
        write_page(notebook)
        options = [f"--port={args.port}", f"--Voila.ip={HOST}", "--Voila.port_retries=0", "--no-browser"]
        command = [sys.executable, "-m", "voila", str(notebook), *options, f"--Voila.tornado_settings={SETTINGS}"]
        print(f"open http://{HOST}:{args.port} in a browser; Ctrl-C stops", flush=True)
        return 1 if subprocess.run(command, cwd=folder).returncode else 0  # there, no voila.json of others is read


def require_free(port: int) -> None:
    """Raise ValueError unless the port can be used."""
    if not 1 <= port <= 65535:
        raise ValueError(f"--port must be a number from 1 to 65535, got {port}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ValueError(f"port {port} cannot be used ({error.strerror}): choose one with --port") from None


def write_page(path: Path) -> None:
    """Write the notebook behind the page."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    title = new_markdown_cell("# Color a photograph")
    widget = new_code_cell("from hcegan_lib.lessons import explorers\n\nexplorers.color_upload()")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[title, widget], metadata={"kernelspec": kernel}), path)
