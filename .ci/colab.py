#!/usr/bin/env python3
"""The Colab guides, as Colab would run them: by a Python that has signbook and a kernel and no more, with SMOKE=1.

usage: colab.py [--store] PYTHON [NOTEBOOK ...]

Ends with a line `N passed, N failed`, and exits 1 when a guide failed or none ran.
`--store` keeps what the guides have shown as their outputs."""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = 'nbdev', 'jupyterlab', 'hypothesis', 'execnb'  # what Colab has not
DEAD_PROXY = 'http://127.0.0.1:9'  # whoever asks the network is refused at once
LONGEST = 180  # seconds that a guide should take


def lacking(python):
    "Refuse an environment with more than Colab has: a guide that leans on it would pass here only."
    code = f'from importlib.util import find_spec; print(*[m for m in {FOREIGN!r} if find_spec(m)])'
    r = subprocess.run([python, '-c', code], capture_output=True, text=True, check=True)
    if r.stdout.strip():
        sys.exit(f'{python} has {r.stdout.strip()}, which a Colab machine has not')


def environment():
    "What a guide sees: a smoke test, offline, with all that it writes in the folder where it runs."
    offline = dict.fromkeys(('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'), DEAD_PROXY)
    quiet = dict(MPLBACKEND='module://matplotlib_inline.backend_inline', WANDB_MODE='offline', HF_HUB_OFFLINE='1',
                 OMP_NUM_THREADS='1')  # models as small as these only lose by more
    return {**os.environ, **offline, **quiet, 'SMOKE': '1', 'SIGNBOOK_HOME': '.'}


def run(path, python, store=False):
    "One guide, top to bottom: (cells run, error or None). Cells that were not all run are never stored."
    import tempfile

    import nbformat
    from jupyter_client import KernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    nb = nbformat.read(path, 4)
    with tempfile.TemporaryDirectory() as folder:
        km = KernelManager()
        km.kernel_spec.argv = [python, '-m', 'ipykernel_launcher', '-f', '{connection_file}']
        client = NotebookClient(nb, km=km, timeout=600, resources=dict(metadata=dict(path=folder)))
        try:
            client.execute(env=environment())
        except CellExecutionError as e:
            return 0, str(e)[-3000:]
    if store:
        keep(nb, path)
    return sum(c.cell_type == 'code' and bool(c.source.strip()) for c in nb.cells), None


def keep(nb, path):
    "Write a guide with its outputs, as nbdev_clean leaves it."
    import nbformat
    from execnb.nbio import dict2nb, nb2str
    from nbdev.clean import clean_nb
    clean = dict2nb(json.loads(nbformat.writes(nb)))
    clean_nb(clean)
    path.write_text(nb2str(clean), encoding='utf-8')


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('python')
    a.add_argument('notebooks', nargs='*')
    a.add_argument('--store', action='store_true')
    o = a.parse_args()
    python = str(Path(o.python).absolute())
    lacking(python)
    paths = [Path(p) for p in o.notebooks] or sorted((ROOT / 'colab').glob('[0-9]*.ipynb'))
    passed = failed = cells = 0
    for path in paths:
        start = time.time()
        n, error = run(path, python, o.store)
        seconds = time.time() - start
        long = f', more than the {LONGEST} s that a guide should take' if seconds > LONGEST else ''
        print(f'{"FAIL" if error else "pass"}  colab/{path.name}  {n} cells, {seconds:.0f} s{long}', flush=True)
        if error:
            print(error, flush=True)
        passed, failed, cells = passed + (error is None), failed + (error is not None), cells + n
    if not cells:
        failed += 1
    print(f'{passed + failed} guides run, {cells} cells executed')
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
