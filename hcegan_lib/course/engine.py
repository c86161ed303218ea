"""papermill with one repair: `python -m hcegan_lib.course.engine` accepts papermill's own command line.

papermill sometimes hangs. While it waits for the reply to a cell, it also sends messages: it tells the kernel what each
Output widget shows, as a browser would. `jupyter_client` sends them on the bare ZeroMQ socket, bypassing asyncio, and
sending there also consumes the notification that a message has arrived. If the reply arrived just then, asyncio never
hears of it, and papermill waits forever.
"""

import sys
from pathlib import Path

import zmq.asyncio
from papermill import engines
from papermill.cli import papermill
from papermill.clientwrap import PapermillNotebookClient

from hcegan_lib.experiment.supervise import end_with_parent

SUPERVISED = "--supervised"  # first word if the course has started this process


class Client(PapermillNotebookClient):
    """papermill's client, which checks for a reply after each message that may have made it send."""

    def process_message(self, *args: object, **kwargs: object) -> object:
        """Handle one message of the kernel."""
        output = super().process_message(*args, **kwargs)
        notice_reply(self.kc.shell_channel.socket)
        return output


def notice_reply(socket: zmq.asyncio.Socket) -> None:
    """Let asyncio notice messages that have arrived: reading EVENTS of an asyncio socket wakes the tasks that wait."""
    socket.get(zmq.EVENTS)


engines.PapermillNotebookClient = Client  # papermill's engine creates its client by this name

if __name__ == "__main__":
    if sys.argv[1:2] == [SUPERVISED]:
        del sys.argv[1]
        end_with_parent(leftover=Path(sys.argv[2].replace("{{", "{").replace("}}", "}")))
    # A busy machine may take minutes to start a kernel; if the kernel dies, papermill notices at once.
    papermill(default_map={"start_timeout": 300})
