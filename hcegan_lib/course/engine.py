"""papermill with one repair: `python -m hcegan_lib.course.engine` takes papermill's own command line.

While papermill waits for the answer to a cell, it also sends: it tells the kernel what each Output widget shows, as a
browser would. `jupyter_client` sends past asyncio, on the bare socket, and whoever sends there also takes the sign
that something has come in. Where the answer came just then, asyncio never hears of it, and papermill waits for ever.
"""

import zmq.asyncio
from papermill.cli import papermill
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.log import logger

NAME = "hcegan"  # what papermill calls this engine


class Client(PapermillNotebookClient):
    """papermill's client, which looks for an answer again after each message that may have made it send."""

    def process_message(self, *args: object, **kwargs: object) -> object:
        """Take one message of the kernel."""
        output = super().process_message(*args, **kwargs)
        look_again(self.kc.shell_channel.socket)
        return output


class ListeningEngine(Engine):
    """papermill's engine, with that client."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        input_path: str | None = None,  # told to every engine, and of no use here
        **settings: object,
    ) -> None:
        """Run all cells; what they show goes into the notebook of `nb_man`."""
        times = {"startup_timeout": start_timeout, "timeout": execution_timeout}
        Client(nb_man, kernel_name=kernel_name, log=logger, **times, **settings).execute()


def look_again(socket: zmq.asyncio.Socket) -> None:
    """Let asyncio hear of what has come in: an asyncio socket that is asked for its events wakes who waits for them."""
    socket.get(zmq.EVENTS)


papermill_engines.register(NAME, ListeningEngine)

if __name__ == "__main__":
    # A busy machine may take minutes to start a kernel, and one that has died is told at once.
    papermill(default_map={"engine": NAME, "start_timeout": 300})
