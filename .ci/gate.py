#!/usr/bin/env python3
"""signbook's gate: the notebooks are clean, exported, in order, without secrets, README is as rendered, and every example runs;
links are alive, stored outputs can be trusted, names are defined, scripts parse, the documentation can be built, no line is too wide or too dense, and the whole only gets better.

usage: gate.py [--only tests|checks] [--flags "slow gpu"] [--guides ENVIRONMENT] [--write-readme] [--write-style] [NOTEBOOK ...]

Everything goes through one pool of as many workers as there are cores: the checks, the notebooks, those that take longest first, and with
`--guides` the Colab guides, in that environment.

Ends with a line `N passed, N failed`, counting notebooks and checks, and exits 1 when anything failed or nothing ran."""
import argparse, ast, contextlib, faulthandler, filecmp, functools, io, json, multiprocessing, os, re, shutil, subprocess, sys, tempfile, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pages
import website

ROOT = Path(__file__).resolve().parent.parent
SECRET = re.compile(r'wandb_v1_[A-Za-z0-9_]{20,}|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|\bsk-[A-Za-z0-9_\-]{32,}|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY'
                    r'|(?i:api[_-]?key|secret|password|token)["\']?\s*[:=]\s*["\'][A-Za-z0-9_\-]{16,}["\']|(?i:wandb)[^\n]{0,40}(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])')
LARGEST = 1_500_000 # bytes of a notebook
GROUPS = {'readers'} # of entry points: names that other packages register under, no modules
LAZY = {'clip': {'view.player'}} # a clip is shown by the viewer, which comes later; looked up only when somebody looks

def notebooks(*folders):
    found = [p for f in folders for p in sorted((ROOT/f).rglob('*.ipynb'))]
    return [p for p in found if not any(x.startswith(('.', '_')) for x in p.relative_to(ROOT).parts)]

def cells_of(path): return json.loads(path.read_text(encoding='utf-8'))['cells']
def source(cell): return ''.join(cell['source'])
def directives(cell): return {m[1].rstrip(':') for m in re.finditer(r'^\s*#\s*\|\s*(\S+)', source(cell), re.M)}

def executed(path, flags):
    "How many code cells a test run executes."
    cells = cells_of(path)
    if any(c['cell_type'] in ('raw', 'markdown') and re.search(r'^\s*-?\s*skip_exec:\s*true', source(c), re.M) for c in cells[:2]): return 0
    skipped = {'slow', 'gpu', 'notest'} - set(flags)
    return sum(c['cell_type'] == 'code' and bool(source(c).strip()) and not directives(c) & skipped
               and not re.search(r'^\s*#\s*\|\s*eval:\s*false', source(c), re.M) for c in cells)

def run(path, flags):
    "One notebook in a process of its own, by nbdev's own test."
    from nbdev.test import test_nb
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        ok, seconds = test_nb(path, skip_flags=['slow', 'gpu', 'notest'], force_flags=flags, basepath=ROOT)
    return bool(ok), seconds, err.getvalue()[-4000:]

PRELOADED = '''nbdev.test execnb.shell IPython.core.display torch torch.onnx torch._dynamo scipy.signal scipy.spatial scipy.stats scipy.sparse.csgraph
numpy.testing pandas matplotlib.pyplot matplotlib_inline.backend_inline plotly.graph_objects fastcore.all tqdm pydantic hypothesis
torchmetrics.functional.classification datasets accelerate safetensors.torch'''.split() # what most pages import

@functools.lru_cache(None)
def begun():
    "A server of processes that begin with libraries imported: that takes longer than most pages."
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(PRELOADED)
    return context

def answer(path, flags, where, log):
    "What a process of its own does: one notebook, what came of it into a pipe, what it says into a file."
    for stream, file in ((sys.stdout, os.devnull), (sys.stderr, log)):
        with open(file, 'a') as f: os.dup2(f.fileno(), stream.fileno())
    multiprocessing.set_start_method(None, force=True) # for the notebook as it was
    faulthandler.enable()
    where.send(run(path, flags))

def run_alone(path, flags):
    "The same in a process of its own: one that crashes or hangs has failed, and takes no other with it."
    with tempfile.NamedTemporaryFile(mode='r', errors='replace') as log:
        here, there = begun().Pipe(duplex=False)
        page = begun().Process(target=answer, args=(path, flags, there, log.name))
        page.start(); there.close()
        try: return here.recv() if here.poll(3600) else (False, 3600, 'did not end within an hour')
        except EOFError:
            page.join()
            how = f'signal {-page.exitcode}' if page.exitcode < 0 else f'exit status {page.exitcode}'
            return False, 0, f'the process died ({how})\n{log.read()[-3000:]}'
        finally: page.kill(); page.join()

LONGEST = '''87_export many_processes 83_trainer 96_cli 97_front 95_commands 62_spoter 49_audit 33_fuzz 85a_word_stream 30_corpus
44_tracking_checks quickstart 90_live'''.split() # pages that take longest: begun first, so that none is left over when all others have ended

def longest_first(paths):
    "Those pages, and the others."
    first = sorted((p for p in paths if p.stem in LONGEST), key=lambda p: LONGEST.index(p.stem))
    return first, [p for p in paths if p not in first]

def tested(path, flags, say):
    "One notebook: (passed, failed, cells run)."
    ok, seconds, err = run_alone(path, flags)
    n = executed(path, flags) # a notebook of which no cell is run has not passed
    say(f'{"FAIL" if not ok else "pass" if n else "none"}  {path.relative_to(ROOT)}  {n} cells, {seconds:.0f} s', *([] if ok else [err]))
    return ok and n > 0, not ok, n

def apart(command, say, env):
    "A script that counts for itself, in a process of its own: (passed, failed, cells run)."
    r = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True)
    *lines, last = r.stdout.splitlines() or ['']
    counts = re.fullmatch(r'(\d+) passed, (\d+) failed', last)
    cells = sum(int(n) for n in re.findall(r'(\d+) cells executed$', r.stdout, re.M))
    if not counts: lines += [last, r.stderr[-3000:], f'{command[0]} ended early, exit status {r.returncode}']
    say(*lines)
    return (int(counts[1]), int(counts[2]), cells) if counts else (0, 1, 0)

def guided(path, folder, say, env):
    "One Colab guide: (passed, failed, cells run)."
    return apart(['.ci/colab.py', f'{folder}/bin/python', str(path)], say, env)

def run_all(checks, paths, flags, guides):
    "All jobs, each said when it ends and never two at a time: [(passed, failed, cells run)] of the checks, notebooks and guides."
    env = dict(os.environ) # of scripts that set their own
    os.environ.setdefault('OMP_NUM_THREADS', '1'); os.environ.update(MPLBACKEND='agg', WANDB_MODE='offline', SMOKE='1', PYTHONPATH=str(ROOT))
    os.chdir(ROOT); lock = threading.Lock()
    def say(*lines):
        with lock: print(*lines, sep='\n', flush=True)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        checked = [pool.submit(apart, [__file__, '--only', 'checks'], say, env)] if checks else []
        first, rest = longest_first(paths)
        notebooks_ = [pool.submit(tested, p, flags, say) for p in first]
        guided_ = [pool.submit(guided, p, guides, say, env) for p in sorted((ROOT/'colab').glob('[0-9]*.ipynb'))] if guides else []
        notebooks_ += [pool.submit(tested, p, flags, say) for p in rest]
        return [[job.result() for job in jobs] for jobs in (checked, notebooks_, guided_)]

def clean():
    "Notebooks as nbdev_clean leaves them, executed, not too heavy."
    from execnb.nbio import dict2nb, nb2str
    from nbdev.clean import clean_nb
    if not notebooks('nbs'): yield 'there is no notebook'
    for p in notebooks('nbs', 'colab'):
        text = p.read_text(encoding='utf-8'); nb = dict2nb(json.loads(text)); clean_nb(nb)
        if nb2str(nb) != text: yield f'{p.relative_to(ROOT)} is not clean: run `make clean-notebooks`'
        if len(text.encode()) > LARGEST: yield f'{p.relative_to(ROOT)} weighs {len(text.encode()):,} bytes, the most is {LARGEST:,}'
        bad = [c for c in cells_of(p) for o in c.get('outputs', ()) if o.get('output_type') == 'error']
        if bad: yield f'{p.relative_to(ROOT)} holds an error as output'
        if executed(p, []) and not any(c.get('outputs') for c in cells_of(p)): yield f'{p.relative_to(ROOT)} was not executed: it shows no output at all'

def exported():
    "The package is what the notebooks export."
    with tempfile.TemporaryDirectory() as t:
        copy = Path(t)/'copy'
        shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns('.git', '.venv*', '__pycache__', '*.egg-info', 'runs', 'build'))
        shutil.rmtree(copy/'signbook'); (copy/'signbook').mkdir()
        shutil.copy(ROOT/'signbook'/'__init__.py', copy/'signbook') # the front door is ours; nbdev writes the version into it
        r = subprocess.run([sys.executable, '-c', 'from nbdev.doclinks import nbdev_export; nbdev_export()'], cwd=copy, capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': str(copy)})
        if r.returncode: yield f'nbdev_export failed: {r.stderr[-500:]}'; return
        ours = {p.relative_to(ROOT/'signbook') for p in (ROOT/'signbook').rglob('*.py')}; theirs = {p.relative_to(copy/'signbook') for p in (copy/'signbook').rglob('*.py')}
        for p in sorted(ours ^ theirs): yield f'signbook/{p} is only {"in the package" if p in ours else "in the notebooks"}: run `make export`'
        for p in sorted(ours & theirs):
            if not filecmp.cmp(ROOT/'signbook'/p, copy/'signbook'/p, shallow=False): yield f'signbook/{p} is not what its notebook exports: run `make export`'

def readme():
    "README.md out of nbs/index.ipynb: prose, code, and what it printed."
    from nbconvert import MarkdownExporter
    import nbformat
    nb = nbformat.read(ROOT/'nbs'/'index.ipynb', 4)
    nb.metadata['language_info'] = dict(name='python')
    nb['cells'] = [c for c in nb['cells'] if not directives(c) & {'hide', 'default_exp'}]
    body, _ = MarkdownExporter().from_notebook_node(nb)
    body = re.sub(r'\]\((?!\w+:|#)(?:\.\./(?P<up>[^)]*)|(?P<down>[^)]*))\)', lambda m: f"]({m['up'] or 'nbs/' + m['down']})", body) # links as seen from the top
    return '<!-- rendered from nbs/index.ipynb: edit there -->\n\n' + re.sub(r'\n{3,}', '\n\n', body).strip() + '\n'

def rendered():
    "README.md is what index.ipynb renders to."
    if readme() != (ROOT/'README.md').read_text(encoding='utf-8'): yield 'README.md is not what nbs/index.ipynb renders to: run `make readme`'

def exporting():
    "Module → the page that exports it."
    found = ((re.search(r'default_exp (\S+)', source(c)), p) for p in notebooks('nbs') for c in cells_of(p)[:1])
    return {m[1]: p for m, p in found if m}

def front_door():
    "Names that `signbook` itself has → the module where each lives."
    sys.path.insert(0, str(ROOT))
    import signbook
    return signbook._homes

def ordered():
    "A notebook imports only from notebooks with a lower number."
    place, uses, homes, door, packages = {}, {}, {}, front_door(), {m.partition('.')[0] for m in exporting() if '.' in m}
    for p in notebooks('nbs'):
        cells = [c for c in cells_of(p) if c['cell_type'] == 'code']
        name = next((m[1] for c in cells if (m := re.search(r'#\s*\|\s*default_exp\s+(\S+)', source(c)))), None)
        if not name: continue
        if not (m := re.match(r'\d+[a-z]?', p.name)): yield f'{p.name} exports signbook.{name} but has no number'; continue
        if name in homes: yield f'{p.name} exports signbook.{name}, and so does {homes[name]}'
        text = '\n'.join(map(source, cells)) # examples too: they run where only lower notebooks are known to work
        used = set(re.findall(r'^\s*(?:from|import)\s+signbook\.([\w.]+)', text, re.M))
        used |= {m for m in re.findall(r'[\'"]signbook\.([\w.]+)[:\'"]', text)} - GROUPS # imported by name, when asked for
        for line in re.findall(r'^\s*from\s+signbook\s+import\s+([\w, ]+)', text, re.M): used |= {door.get(w.split()[0], w.split()[0]) for w in line.split(',') if w.split()}
        for package, line in re.findall(r'^\s*from\s+signbook\.(\w+)\s+import\s+([\w, ]+)', text, re.M):
            if package in packages: used = used - {package} | {f'{package}.{w.split()[0]}' for w in line.split(',') if w.split()}
        homes[name], place[name], uses[p.name] = p.name, m[0], (m[0], used - {name} - LAZY.get(name, set()))
    if not place: yield 'no notebook exports a module'
    for nb, (number, modules) in uses.items():
        for mod in sorted(modules):
            if mod not in place: yield f'{nb} imports signbook.{mod}, which no notebook exports'
            elif place[mod] >= number: yield f'{nb} imports signbook.{mod} from notebook {place[mod]}, which is not lower'

HOUSE = {'0': ('',), '1': ('view',), '2': ('formats',), '3': ('data', 'video'), '4': ('doctor',), '5': ('features', 'data'),
         '6': ('models',), '7': ('recognition', 'metrics'), '8': ('training', 'recognition'), '9': ('app',)}

def house():
    "Each page is in its ten, the table of index names them all, and no module takes another's private names or exports what another does."
    index = ''.join(source(c) for c in cells_of(ROOT/'nbs'/'index.ipynb'))
    table = dict(re.findall(r'^\| (\d)0 \| [^|]+\| (.+) \|$', index, re.M))
    named = {k: re.findall(r'\]\(([\w]+\.ipynb)\)', row) for k, row in table.items()}
    owner, modules = {}, exporting()
    for name, page in modules.items():
        package, _, room = name.rpartition('.')
        if package not in HOUSE[page.name[0]]: yield f'{page.name} exports signbook.{name}, the {page.name[0]}0s hold {" and ".join(HOUSE[page.name[0]])}'
        if re.sub(r'^\d+[a-z]?_', '', page.stem) != room: yield f'{page.name} exports signbook.{name}, so it should be called {room}'
    for page in sorted((ROOT/'nbs').glob('*.ipynb')):
        if page.name != 'index.ipynb' and page.name not in named.get(page.name[0], ()): yield f'{page.name} is not in the {page.name[0]}0s of the table on index'
    for name in modules:
        tree = ast.parse((ROOT/'signbook'/(name.replace('.', '/') + '.py')).read_text(encoding='utf-8'))
        for n in ast.walk(tree):
            if isinstance(n, ast.ImportFrom) and n.level:
                for a in n.names:
                    if a.name.startswith('_'): yield f'signbook.{name} takes the private name {a.name} from {n.module}'
            if isinstance(n, ast.Assign) and getattr(n.targets[0], 'id', '') == '__all__':
                if name == 'app.front': continue # the same names on purpose
                for word in ast.literal_eval(n.value): owner.setdefault(word, []).append(f'signbook.{name}')
    twice = [f'{word} is exported by {" and by ".join(homes)}' for word, homes in owner.items() if len(homes) > 1]
    most = json.loads(pages.STYLE.read_text())['twice']
    if len(twice) > most: yield f'{len(twice)} names are exported twice, at most {most} may be: ' + '; '.join(twice)

def files():
    r = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, text=True)
    names = r.stdout.splitlines() if r.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob('*') if not any(x.startswith('.venv') for x in p.parts)]
    return [ROOT/n for n in names if (ROOT/n).is_file() and not (ROOT/n).is_symlink()]

def no_secrets():
    "No key, token or password in any file."
    for p in files():
        for m in SECRET.finditer(p.read_bytes().decode('utf-8', 'ignore')): yield f'{p.relative_to(ROOT)} holds what looks like a secret: {m[0][:12]}…'

def light_import():
    "`import signbook` is quick because it needs nothing."
    code = 'import sys, signbook; print(*sorted({"torch", "numpy", "mediapipe", "datasets", "plotly", "matplotlib", "scipy"} & set(sys.modules)))'
    r = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    if r.returncode or r.stdout.strip(): yield f'import signbook pulls in {r.stdout.strip() or r.stderr[-200:]}'

def links():
    yield from pages.links(files())
links.__doc__ = pages.links.__doc__

CHECKS = dict(clean=clean, kernels=pages.kernels, beginnings=pages.beginnings, exported=exported, rendered=rendered, ordered=ordered, house=house, secrets=no_secrets, light_import=light_import,
              links=links, outputs=pages.outputs, style=pages.style, style_sees=pages.style_sees, licences=pages.licences, licences_see=pages.licences_see, names=pages.names, javascript=pages.javascript, docs=website.docs, docs_see=website.docs_see, contributing=pages.contributing, citation=pages.citation)

def check_all():
    "Every check, said as it ends: (passed, failed)."
    passed = failed = 0
    for name, check in CHECKS.items():
        try: wrong = list(check())
        except pages.Skipped as e:
            print(f'skip  {name}: {check.__doc__} Left out: {e}', flush=True)
            continue
        except Exception as e: wrong = [f'{type(e).__name__}: {e}']
        print(f'{"FAIL" if wrong else "pass"}  {name}: {check.__doc__}' + ''.join(f'\n      {w}' for w in wrong), flush=True)
        passed, failed = passed + (not wrong), failed + bool(wrong)
    return passed, failed

def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('notebooks', nargs='*'); a.add_argument('--only', choices=['tests', 'checks']); a.add_argument('--flags', default=''); a.add_argument('--guides', metavar='ENVIRONMENT'); a.add_argument('--write-readme', action='store_true'); a.add_argument('--write-style', action='store_true')
    o = a.parse_args()
    if o.write_style: pages.name_kernels(); pages.write_beginnings(); pages.write_style(); return
    if o.write_readme: (ROOT/'README.md').write_text(readme(), encoding='utf-8'); return
    if o.only == 'checks': passed, failed = check_all()
    else:
        paths = [Path(p).resolve() for p in o.notebooks] or notebooks('nbs')
        for p in paths:
            if not p.is_file(): a.error(f'{p}: no such notebook')
        all_jobs = run_all(o.only != 'tests', paths, o.flags.split(), o.guides)
        for what, jobs in zip(('notebooks', 'guides'), all_jobs[1:]):
            ran, cells = sum(n > 0 for *_, n in jobs), sum(n for *_, n in jobs)
            if jobs: print(f'{ran} {what} run, {cells} cells executed')
        passed, failed, _ = (sum(counts) for counts in zip(*(job for jobs in all_jobs for job in jobs)))
        if not any(n for *_, n in all_jobs[1]): print('no notebook was run'); failed += 1
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)

if __name__ == '__main__': main()
