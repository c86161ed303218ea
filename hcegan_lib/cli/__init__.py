"""The command `hcegan`. What cannot be meant is one line on standard error, exit status 2, and nothing written.

Each command imports what it needs itself, so that `hcegan --help` does not wait for torch.
"""

import argparse
import contextlib
import difflib
import itertools
import re
import shlex
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

    from hcegan_lib.train import TrainConfig


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Words after "hcegan"; those of the command line when None.

    Returns
    -------
    int
        Exit status: 0 done, 1 something failed on the way, 2 refused, 130 stopped by the user.
    """
    with contextlib.suppress(AttributeError):  # a stream that something else put there may have none
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold what the terminal cannot write
    try:
        args = parser().parse_args(argv)
    except SystemExit as stop:  # after --help, and after an error that is already told
        return stop.code
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: complain(str(message), 0)
            return args.command(args)
    except (ValueError, OSError) as error:
        return complain(reason(error), 2)
    except KeyboardInterrupt as stop:
        return complain(str(stop) or "stopped", 130)


def parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    hcegan = OneLineParser(prog="hcegan", description="The HCEGAN course kit: run the course, train, color, compare.")
    commands = hcegan.add_subparsers(metavar="COMMAND", required=True)

    course = add(commands, "course", run_course, "run the notebooks and write pages that open in a browser")
    course.add_argument("--profile", metavar="P", help="how large: smoke, tour (the notebooks' own), laptop, paper")
    course.add_argument("--only", nargs="+", metavar="NN", help="run these notebooks alone, by number or name")
    course.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters")
    course.add_argument("--output", type=Path, metavar="DIR", help="folder of the results (default: build/course)")
    course.add_argument("--in-place", action="store_true", help="also store the outputs in the notebooks themselves")

    student = add(commands, "student", run_student, "write the notebooks without the solutions of their exercises")
    student.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="new or empty (default: build/student)")

    batch = add(commands, "batch", run_batch, "train and score a grid of models, data sets and seeds, on Dask")
    batch.add_argument("grid", type=Path, metavar="GRID.yaml", help="such as notebooks/grids/smoke.yaml")
    where = batch.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="runs at a time (default: one a core; one on a GPU)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, such as tcp://10.0.0.1:8786")
    batch.add_argument("--resources", metavar="GPU=1", help="what a run takes of a worker of --scheduler")
    there = batch.add_mutually_exclusive_group()
    there.add_argument("--resume", action="store_true", help="keep what is finished, go on with what was stopped")
    there.add_argument("--fresh", action="store_true", help="put earlier runs aside and start anew")

    train = add(commands, "train", run_train, "train one model and score it; the same call again resumes it")
    train.add_argument("--model", required=True, metavar="NAME", help='as the paper prints it, e.g. "SA\'+Hinge+BCE"')
    train.add_argument("--data", default="mini", metavar="NAME", help="mini or a folder of photographs (default: mini)")
    train.add_argument("--profile", default="tour", metavar="P", help="smoke, tour, laptop or paper (default: tour)")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="decides all random choices (default: 0)")
    train.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the profile"
    )
    train.add_argument("--run", type=Path, metavar="DIR", help="folder of the run (default: one in data/runs)")
    train.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="(default: auto)")
    train.add_argument("--compile", action="store_true", help="let torch.compile rewrite the networks (slow start)")

    color = add(commands, "color", run_color, "color photographs with a trained model")
    color.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="gray or in color; only its gray is used")
    color.add_argument("--run", required=True, type=Path, metavar="DIR", help="folder of a training run")
    color.add_argument("--output", default=Path("colored"), type=Path, metavar="DIR", help="(default: colored)")

    data = add(commands, "data", None, "list, build or check larger sets of photographs")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    add(actions, "list", run_data_list, "list the sets that can be built, and those that are")
    build = add(actions, "build", run_data_build, "fetch a set and crop it; called again, it goes on")
    build.add_argument("name", metavar="NAME", help="one of the list; a new name with --from")
    build.add_argument("--from", dest="origin", type=Path, metavar="PHOTOS", help="a folder, zip or tar that you have")
    build.add_argument("--mirror", metavar="URL", help="ask here first: an address or a folder with the official files")
    build.add_argument("--seed", type=int, default=0, metavar="N", help="decides what is for testing (default: 0)")
    build.add_argument("--yes", action="store_true", help="do not ask before more than 1 GB is fetched")
    build.add_argument("--clean", action="store_true", help="delete the downloads when the set is built")
    check = add(actions, "check", run_data_check, "compare a built set with its manifest")
    check.add_argument("name", metavar="NAME")

    table = add(commands, "table", run_table, "show a table of the paper beside measured results")
    table.add_argument("number", type=int, choices=[1, 2, 3])
    table.add_argument("--grid", default="laptop", metavar="G", help="which measured results (default: laptop)")
    table.add_argument("--format", default="md", choices=["md", "csv", "latex", "html"], help="(default: md)")
    return hcegan


def add(commands, name: str, command: Callable | None, what: str) -> argparse.ArgumentParser:
    """Add a command that tells what it does in both helps."""
    added = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    added.set_defaults(command=command)
    return added


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line and, for a misspelt choice, name the one that was meant."""

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong and leave."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        close = difflib.get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), n=1) if wrong else []
        hint = f", did you mean {close[0]!r}?" if close else ""
        sys.exit(complain(f"{message}{hint} (see {self.prog} --help)", 2))


def complain(message: str, status: int) -> int:
    """Write one line to standard error and pass the exit status on."""
    print("hcegan:", " ".join(message.split()), file=sys.stderr)
    return status


def reason(error: Exception) -> str:
    """Say what went wrong; a system's error without its number, and with the file first."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def run_course(args: argparse.Namespace) -> int:
    """Run notebooks: a row each as it ends, the failures at the end."""
    from tqdm import tqdm

    from hcegan_lib import course

    parameters = dict(args.parameters)
    if args.profile is not None:
        parameters["profile"] = args.profile
    if args.in_place and parameters:
        raise ValueError("--in-place stores what the notebooks show by themselves: it goes without --profile and -p")
    jobs = course.plan(course.NOTEBOOKS, args.only, parameters)
    output = (args.output or course.OUTPUT).resolve()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the notebook's process too, as Ctrl-C does

    width = max(len(path.stem) for path in jobs)
    done = []
    bar = tqdm(total=len(jobs), disable=not sys.stderr.isatty(), leave=False, bar_format=BAR)
    try:
        with bar:
            for outcome in course.run(jobs, output, in_place=args.in_place, watch=watcher(bar)):
                done.append(outcome)
                status = "failed" if outcome.errors else "ok"
                row = f"{outcome.name:{width}}  {status:6}  {outcome.seconds:7.1f} s  {outcome.memory:6.0f} MB"
                bar.write(row, file=sys.stdout)
                sys.stdout.flush()  # a row at a time also where the rows go into a file
                bar.update()
    except KeyboardInterrupt:
        left = [path.stem for path in jobs][len(done) :]
        raise KeyboardInterrupt(f"stopped; what is finished is kept. Go on with: {go_on(args, left)}") from None
    print(f"notebooks: {len(done)}, seconds: {sum(outcome.seconds for outcome in done):.0f}; {output / 'index.html'}")
    failures = [f"{outcome.name}, {error}" for outcome in done for error in outcome.errors]
    for failure in failures:
        complain(failure, 1)
    return 1 if failures else 0


BAR = "{desc} |{bar:24}| {n_fmt}/{total_fmt} notebooks, {elapsed}"


def watcher(bar: "tqdm") -> Callable[[str, int], None]:
    """Let a progress bar show which notebook runs and how many of its cells are done."""

    def watch(name: str, cells: int) -> None:
        bar.set_description_str(f"{name}, {cells} cells")

    return watch


def go_on(args: argparse.Namespace, left: list[str]) -> str:
    """Write the command that runs the notebooks which are left."""
    words = ["hcegan", "course", "--only", *(name[:2] for name in left)]
    words += ["--profile", args.profile] if args.profile else []
    words += [word for name, value in args.parameters for word in ("-p", name, value)]
    words += ["--output", str(args.output)] if args.output else []
    words += ["--in-place"] if args.in_place else []
    return shlex.join(words)


def run_batch(args: argparse.Namespace) -> int:
    """Run a grid: a row each as it ends, the failures at the end, and all records merged into one table."""
    from hcegan_lib import experiment
    from hcegan_lib.backend.files import lock_folder
    from hcegan_lib.backend.parallel import find_device
    from hcegan_lib.backend.supervise import count_cores
    from hcegan_lib.experiment import records

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the runs too, as Ctrl-C does
    resources = batch_words(args)
    grid = experiment.read_grid(args.grid)
    experiment.check_destination(grid, keep_or_replace=args.resume or args.fresh)
    if not args.scheduler:
        by_itself = count_cores() if find_device(grid.device) == "cpu" else 1  # all runs would share the one GPU
    runs = experiment.expand(grid)
    left, outdated = experiment.split_finished(grid, runs, fresh=args.fresh)
    at_once = None if args.scheduler else min(args.workers or by_itself, len(runs))
    cluster = experiment.scheduler_at(args.scheduler) if args.scheduler else experiment.local_cluster(at_once)
    try:
        with cluster if left else contextlib.nullcontext() as client, lock_folder(records.RUNS / grid.name, "batch"):
            archived = experiment.archive(outdated)
            if archived:
                why = "not in this grid, or made with different settings, photographs, code or torch"
                complain(f"runs put aside: {len(outdated)} ({why}), now in {archived}", 0)
            failed = run_grid(args, runs, left, client, at_once=at_once, resources=resources)
            finished = sum(map(experiment.is_finished, runs))
            table = records.collect(grid.name, failed) if finished else "no table"
    except ConnectionError as lost:
        return complain(str(lost), 1)
    print(f"runs: {len(runs)}, finished: {finished}; {table}")
    for failure in failed:
        complain(f"{failure['run']}, {failure['error']}", 1)
    return 1 if failed else 0


def batch_words(args: argparse.Namespace) -> dict[str, float] | None:
    """Check the options of a batch, and read what each run takes of a worker."""
    if args.workers is not None and args.workers < 1:
        raise ValueError(f"--workers must be at least 1, got {args.workers}")
    if args.resources and not args.scheduler:
        raise ValueError("--resources goes with --scheduler: the workers there offer them")
    pairs = [re.fullmatch(r"(\w+)=(\d+\.?\d*)", word) for word in (args.resources or "").split(",") if word]
    if None in pairs:
        raise ValueError(f"--resources must be like GPU=1, got {args.resources!r}")
    return {pair[1]: float(pair[2]) for pair in pairs} or None


def run_grid(args: argparse.Namespace, runs: list, left: list, client, **how: object) -> list[dict]:
    """Execute what is left of a grid, show how far it is, and give the failures."""
    from tqdm import tqdm

    from hcegan_lib import experiment

    width = max(len(run.name) for run in runs)
    steps, unfinished, failed = sum(run.steps for run in runs), {run.name: run for run in left}, []

    def steps_done() -> int:
        return steps - sum(run.steps - experiment.steps_done(run) for run in unfinished.values())

    # The bar counts steps, so that the time left is known long before the first run has ended.
    shown = {"disable": not sys.stderr.isatty(), "leave": False, "smoothing": 0, "bar_format": RUNS_BAR}
    bar = tqdm(total=steps, initial=steps_done(), **shown)
    looks = itertools.count()

    def show() -> None:
        if not bar.disable:
            bar.n = steps_done()
            bar.set_description_str(f"{len(runs) - len(unfinished)}/{len(runs)} runs")

    def look() -> None:
        count = next(looks)
        if count % 5 == 0:
            show()
        if count == TOLD_AFTER and args.scheduler and experiment.has_taken_none(client):
            complain(f"no worker of {args.scheduler} has taken a run yet; waiting", 0)

    try:
        with bar:
            for run, outcome in experiment.run_all(client, left, watch=look, **how):
                del unfinished[run.name]
                status = "failed" if outcome.errors else "ok"
                row = f"{run.name:{width}}  {status:6}  {outcome.seconds:7.1f} s  {outcome.memory:6.0f} MB"
                bar.write(row, file=sys.stdout)
                sys.stdout.flush()  # a row at a time also where the rows go into a file
                failed += [{"run": run.name, "error": error} for error in outcome.errors]
                show()
    except (KeyboardInterrupt, ConnectionError) as stop:
        finished = sum(map(experiment.is_finished, runs))
        told = f"{str(stop) or 'stopped'}; {finished} of {len(runs)} runs are finished. Go on with: {go_on_batch(args)}"
        raise type(stop)(told) from None
    return failed


TOLD_AFTER = 25  # looks, five a second, until the user is told that no worker moves
RUNS_BAR = "|{bar:24}| {desc}, {elapsed}, {remaining} left"


def go_on_batch(args: argparse.Namespace) -> str:
    """Write the command that finishes a batch."""
    words = ["hcegan", "batch", str(args.grid)]
    for name in ("workers", "scheduler", "resources"):
        words += [f"--{name}", str(getattr(args, name))] if getattr(args, name) else []
    return shlex.join([*words, "--resume"])


def run_student(args: argparse.Namespace) -> int:
    """Write the handout: stubs in place of the solutions."""
    from hcegan_lib import course
    from hcegan_lib.course import handout

    folder = args.folder or handout.STUDENT
    exercises = handout.write(course.NOTEBOOKS, folder)
    print(f"notebooks: {len(exercises)}, exercises: {sum(exercises.values())}; {folder}")
    return 0


def run_train(args: argparse.Namespace) -> int:
    """Train one model, or finish its training, and score it on the test photographs."""
    from hcegan_lib import paper, train
    from hcegan_lib.backend import parallel

    gamma_init, loss = paper.model(args.model)
    named = {"gamma_init": gamma_init, "loss": loss, "data": args.data, "seed": args.seed}
    config = train.config(args.profile, **named, **changes(args.set))
    device = parallel.find_device(args.device)
    with parallel.process_group(device):
        return fit_and_score(args, config, device)


def fit_and_score(args: argparse.Namespace, config: "TrainConfig", device: str) -> int:
    """Do the part of this process; what is said and written once is left to the first of them."""
    from hcegan_lib import data, train
    from hcegan_lib.backend import parallel
    from hcegan_lib.backend.memory import OutOfMemoryError
    from hcegan_lib.experiment import records

    photos = data.load(config.data, config.image_size, progress=parallel.is_first())
    if parallel.is_first():
        for skipped in photos.skipped:
            complain(f"left out {skipped}", 0)
        if photos.near_gray:
            complain(f"left out {len(photos.near_gray)} photographs that are nearly gray", 0)

    folder = args.run or records.run_folder(args.profile, photos.name, args.model, args.seed)
    try:
        fit = train.fit(config, photos, folder, device=device, compiled=args.compile, progress=sys.stderr.isatty())
    except (train.NonFiniteLossError, OutOfMemoryError) as error:
        return complain(str(error), 1)
    except RuntimeError as error:
        if not (args.compile and type(error).__module__.startswith("torch._")):
            raise
        return complain(f"--compile failed ({str(error).splitlines()[0]}): train without it", 1)
    if not parallel.is_first():
        return 0
    records.save_record(folder, fit, photos)

    columns = ["psnr", "ssim", "colorfulness"]
    for model, means in records.scores_of(folder).groupby("model", sort=False)[columns].mean().iterrows():
        psnr, ssim, colorfulness = means
        print(f"{model:16}  PSNR {psnr:6.2f} dB  SSIM {ssim:6.3f}  colorfulness {colorfulness:5.1f}")
    print(f"means over {len(photos.test)} test photographs; the run is in {folder}")
    return 0


def changes(words: list[str]) -> dict:
    """Read KEY=VALUE words as settings."""
    from hcegan_lib.experiment import parse_settings

    for word in words:
        if "=" not in word:
            raise ValueError(f"--set takes KEY=VALUE, got {word!r}")
    return parse_settings(dict(word.split("=", 1) for word in words))


def run_color(args: argparse.Namespace) -> int:
    """Color photographs, whole, at the size that the run was trained at."""
    from hcegan_lib.backend.memory import is_out_of_memory

    try:
        return color_all(args)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return complain("the memory is full: what is colored is kept; cut the photograph, or use a smaller model", 1)


def color_all(args: argparse.Namespace) -> int:
    """Look at all photographs, then color one after the other."""
    from hcegan_lib import data, models, train
    from hcegan_lib.backend.files import write_atomically

    generator, config = train.load_generator(args.run)
    photos = {args.output / f"{path.stem}_color.png": path for path in args.photos}
    if len(photos) < len(args.photos):
        raise ValueError("two photographs have the same name, so that one result would replace the other")
    for photo in args.photos:  # all can be read, or nothing is written; all at once could fill the memory
        W, H = data.open_photo(photo).size
        if max(W, H) > LONGEST * min(W, H):
            raise ValueError(f"{photo}: {W} x {H} pixels; at most {LONGEST} times as long as wide can be colored")
    args.output.mkdir(parents=True, exist_ok=True)
    for path, photo in photos.items():
        colored = models.color_photo(generator, data.open_photo(photo), config.image_size)
        write_atomically(path, lambda part, colored=colored: colored.save(part, format="PNG"))
        print(path)
    return 0


LONGEST = 16  # a photograph's long side in short sides; memory grows with it


def run_data_list(args: argparse.Namespace) -> int:
    """Print a row a set: its size, what there is to fetch, and whether it is built."""
    from hcegan_lib import sources

    for name, source in sources.SOURCES.items():
        fetched = "built" if sources.is_built(name) else f"{sources.plan(name).sure / 1e9:.1f} GB"
        print(f"{name:19} {source.train:5} + {source.test:3}  {fetched:>7}  {source.what}")
    for name in sources.own_sets():
        print(f"{name:19} {'built':>20}  photographs of your own")
    return 0


def run_data_build(args: argparse.Namespace) -> int:
    """Say what is to be fetched, then build the set; what was left out is named at the end."""
    from hcegan_lib import sources

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # keeps what is fetched, as Ctrl-C does
    made_from = {"origin": args.origin, "seed": args.seed}
    record = sources.finished(args.name, **made_from)
    there = " already" if record else ""
    if record is None:
        plan = sources.plan(args.name, origin=args.origin)
        print(plan.text, flush=True)
        if plan.at_most > 1e9 and not args.yes and sys.stdin.isatty() and not agreed():
            return complain("nothing was fetched", 2)
        try:
            record = sources.build(args.name, **made_from, mirror=args.mirror, progress=sys.stderr.isatty())
        except KeyboardInterrupt:
            told = f"stopped; what is fetched is kept. Go on with: {go_on_data(args)}"
            raise KeyboardInterrupt(told) from None
        for skipped in record["skipped"]:
            complain(f"left out {skipped}", 0)
    if args.clean and args.origin is None:
        print(f"deleted {sources.clean(args.name) / 1e9:.2f} GB of downloads")
    count = f"{record['train']} photographs for training and {record['test']} for testing"
    print(f"{args.name} is built{there}: {count}, {len(record['skipped'])} left out; hcegan data check {args.name}")
    return 0


def agreed() -> bool:
    """Ask whether so much is to be fetched."""
    try:
        return input("fetch it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        print()
        return False


def go_on_data(args: argparse.Namespace) -> str:
    """Write the command that finishes a build."""
    words = ["hcegan", "data", "build", args.name]
    words += ["--from", str(args.origin)] if args.origin else []
    words += ["--mirror", args.mirror] if args.mirror else []
    words += ["--seed", str(args.seed)] if args.seed else []
    words += [f"--{name}" for name in ("yes", "clean") if getattr(args, name)]
    return shlex.join(words)


def run_data_check(args: argparse.Namespace) -> int:
    """Name each file of a set that is not as it was built."""
    from hcegan_lib import sources

    problems = sources.check(args.name)
    for problem in problems:
        complain(problem, 1)
    if problems:
        return complain(f"{args.name} is damaged: delete its folder and build it again; downloads are kept", 1)
    print(f"{args.name} is sound")
    return 0


def run_table(args: argparse.Namespace) -> int:
    """Print a table of the paper and what was measured."""
    from hcegan_lib.experiment import results

    print(results.render_table(args.number, args.grid, args.format), end="")
    return 0
