"""What the gate asks of pages: links that lead somewhere, outputs that a reader may trust, documentation that can be built, and limits of style.

Each check yields one sentence for each fault; `gate.py` calls them."""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STYLE = ROOT/'.ci'/'style.json'
KERNEL = dict(display_name='python3', language='python', name='python3')
REPOSITORY = re.compile(r'https://(?:github\.com/|colab\.research\.google\.com/github/)signbook/signbook/(?:blob|tree|raw)/main/')
LINK = re.compile(r'\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)|(?:href|src)\s*=\s*["\']([^"\']+)["\']')
CODE = re.compile(r'^(```|~~~).*?^\1|`[^`\n]+`', re.M | re.S)
HIDDEN = re.compile(r'^\s*#\s*\|\s*(hide|default_exp)\b', re.M)
URL = re.compile(r'https?://\S+')
NOISE = { # what a stored output must not hold → what it comes from
    'Traceback (most recent call last)': 'a traceback',
    'history saving thread': 'a fault of IPython\'s history',
    'disk I/O error': 'a fault of the disk',
    'Warning: ': 'a warning of some library',
    '/shared/data/': 'a path of the machine that ran it',
    '/signbook/clip.py:': 'a path of the machine that ran it'}
FIGURE = re.compile(r'^<(Figure size|Axes|matplotlib\.)')


def notebooks(*folders):
    "The pages of these folders, by default all."
    found = [p for f in folders or ('nbs', 'colab') for p in sorted((ROOT/f).rglob('*.ipynb'))]
    return [p for p in found if not any(x.startswith(('.', '_')) for x in p.relative_to(ROOT).parts)]

def read(path): return json.loads(path.read_text(encoding='utf-8'))
def source(cell): return ''.join(cell['source'])
def name_of(path): return str(path.relative_to(ROOT))


# Links

def prose(path):
    "The text of a page in which links count, without code."
    if path.suffix == '.md': texts = [path.read_text(encoding='utf-8')]
    else: texts = [source(c) for c in read(path)['cells'] if c['cell_type'] == 'markdown']
    return CODE.sub('', '\n\n'.join(texts))

def anchors(path):
    "The places of a page that a link can name: its headings, as GitHub and the built site call them, and ids."
    text = prose(path)
    headings = re.findall(r'^#+\s+(.+?)\s*$', text, re.M)
    slugs = {re.sub(r'\s', '-', re.sub(r'[^\w\s-]', '', h.lower())) for h in headings}
    return slugs | set(re.findall(r'\bid\s*=\s*["\']([^"\']+)', text)) | set(re.findall(r'\{#([\w-]+)', text))

def dead(path, link, kept):
    "What is wrong with a link of a page, or None."
    here = REPOSITORY.match(link)
    if not here and re.match(r'[a-z][\w+.-]*:|//', link, re.I): return None
    file, _, anchor = link[here.end():].partition('#') if here else link.partition('#')
    target = Path(os.path.normpath((ROOT if here else path.parent)/file)) if file else path
    if target.suffix == '.html': return 'links between pages name the notebook, which ends in .ipynb'
    if target not in kept and not any(target in k.parents for k in kept): return 'there is no such file'
    if anchor and anchor.lower() not in anchors(target): return f'{target.name} has no heading of that name'

def links(kept):
    "Every link between pages leads to a notebook or file that is there, and to a heading that is there."
    kept = set(kept)
    pages = notebooks() + [p for p in kept if p.suffix == '.md']
    for path in sorted(set(pages)):
        for found in LINK.finditer(prose(path)):
            link = found[1] or found[2]
            if wrong := dead(path, link, kept): yield f'{name_of(path)} links to {link}: {wrong}'


# Kernels and outputs

def kernels():
    "Every notebook names the kernel python3, so that JupyterLab does not ask."
    for path in notebooks():
        if read(path)['metadata'].get('kernelspec', {}).get('name') != KERNEL['name']:
            yield f'{name_of(path)} names no kernel, or another than python3: run `make clean-notebooks`'

def name_kernels():
    "Write the kernel into every notebook that has none; `make clean-notebooks` does."
    from execnb.nbio import dict2nb, nb2str
    for path in notebooks():
        nb = read(path)
        if nb['metadata'].get('kernelspec', {}).get('name') == KERNEL['name']: continue
        nb['metadata']['kernelspec'] = KERNEL
        path.write_text(nb2str(dict2nb(nb)), encoding='utf-8')

def player_script(page):
    "The part of a stored player that is the same for all clips, or None where there is none."
    if 'data-signbook' not in page: return None
    return page.partition('<script>')[2].partition('\nconst data = ')[0]

def todays_player():
    sys.path.insert(0, str(ROOT))
    import numpy as np
    from signbook.clip import Clip
    from signbook.view.player import play
    return player_script(play(Clip(np.zeros((2, 543, 3)), np.ones((2, 543)), fps=25.)).html)

def faults(cell, script):
    "What is wrong with the stored outputs of a cell."
    for o in cell.get('outputs', ()):
        data = o.get('data', {})
        plain = ''.join(data.get('text/plain', ()))
        text = plain + ''.join(o.get('text', ()))
        if o['output_type'] == 'error': yield 'an error'
        yield from (what for sign, what in NOISE.items() if sign in text)
        if FIGURE.match(plain) and 'image/png' not in data: yield f'{plain[:40]!r} where a picture should be'
        if any('plotly' in kind for kind in data) and 'plotly' not in source(cell) and 'go.' not in source(cell): yield 'a plotly figure that its code does not make'
        if player_script(''.join(data.get('text/html', ()))) not in (None, script): yield 'a player that is not the one of today'

def outputs():
    "Stored outputs are a reader's first sight: no traceback, no noise of libraries, pictures as pictures, the player of today."
    script = todays_player()
    for path in notebooks():
        for i, cell in enumerate(read(path)['cells']):
            for what in sorted(set(faults(cell, script))): yield f'{name_of(path)}, cell {i} holds {what}: run it again, or mend what it runs'


# Code that nobody runs: what can be seen without running it

class Skipped(Exception):
    "What a check needs is not here."

SHELL = {'display', 'get_ipython'} # of IPython, in every page

def unknown(code):
    "(line, name) of what code uses and nobody defines, in f-strings too."
    from pyflakes import checker, messages
    kinds = messages.UndefinedName, messages.UndefinedLocal, messages.UndefinedExport
    said = [m for m in checker.Checker(ast.parse(code)).messages if isinstance(m, kinds)]
    return [(m.lineno, m.message_args[0]) for m in said if m.message_args[0] not in SHELL]

def names():
    "Every name that the package or a page uses, slow cells too, is defined there."
    if unknown('def f(): return f"{a}"') != [(1, 'a')]: yield 'pyflakes does not see that a name in an f-string is missing'
    for path in sorted((ROOT/'signbook').rglob('*.py')):
        for line, name in unknown(path.read_text(encoding='utf-8')): yield f'{name_of(path)}, line {line}: {name} is not defined'
    for path in notebooks():
        codes = [code_of(c) for c in read(path)['cells']]
        cell_of = [i for i, code in enumerate(codes) for _ in code.split('\n')]
        for line, name in unknown('\n'.join(codes)): yield f'{name_of(path)}, cell {cell_of[line - 1]}: {name} is not defined'

def wrong_script(code):
    "What Node says of the syntax of a module; nothing where all is well."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'script.mjs'
        path.write_text(code, encoding='utf-8')
        r = subprocess.run(['node', '--check', str(path)], capture_output=True, text=True)
    if not r.returncode: return ''
    line, why = re.search(r'script\.mjs:(\d+)', r.stderr), re.search(r'^\w*Error.*', r.stderr, re.M)
    return f'line {line[1] if line else "?"}: {why[0] if why else r.stderr[-200:]}'

def javascript():
    "Every script can be parsed, as a module."
    if not shutil.which('node'): raise Skipped('there is no Node here')
    if not wrong_script('export const a = ;'): yield 'Node takes a broken script for a whole one'
    for path in sorted((ROOT/'signbook'/'static').rglob('*.js')):
        if wrong := wrong_script(path.read_text(encoding='utf-8')): yield f'{name_of(path)}, {wrong}'


# Contributing

def contributing():
    "The Python blocks of CONTRIBUTING.md run, one after the other."
    text = (ROOT/'CONTRIBUTING.md').read_text(encoding='utf-8')
    blocks = re.findall(r'^```python\n(.*?)^```', text, re.M | re.S)
    if not blocks: yield 'CONTRIBUTING.md has no Python blocks'
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
    r = subprocess.run([sys.executable, '-c', '\n'.join(blocks)], cwd=ROOT, capture_output=True, text=True, env=env)
    if r.returncode: yield f'CONTRIBUTING.md: {r.stderr[-600:].strip()}'

def citation():
    "CITATION.cff names the version, the licence and the place that settings.ini names."
    import configparser
    import yaml
    settings = configparser.ConfigParser(delimiters=['='], interpolation=None)
    settings.read(ROOT/'settings.ini', encoding='utf-8')
    known, cited = settings['DEFAULT'], yaml.safe_load((ROOT/'CITATION.cff').read_text(encoding='utf-8'))
    wanted = {'version': known['version'], 'license': known['license'].upper(), 'repository-code': known['git_url']}
    for name, value in wanted.items():
        if cited.get(name) != value: yield f'CITATION.cff has {name} {cited.get(name)!r}, settings.ini {value!r}'


# Style: limits for every page, a ratchet for the whole

LIMITED = dict(wide='lines over 120 columns', joined='statements joined by `;`', deep='comprehensions or lambdas nested three deep',
               long='exported cells of more than 30 lines')
WHOLE = dict(syntax=('syntax nodes a line', -1), short=('share of exported cells of at most 10 lines', 1),
             shown=('share of first examples after an export that display something', 1)) # -1: less is better

def code_of(cell):
    "The Python of a cell, without the lines that are for Jupyter; nothing where it is of another language."
    code = source(cell)
    if cell['cell_type'] != 'code' or code.lstrip().startswith('%%'): return ''
    return re.sub(r'^(\s*)[!%].*$', r'\1pass', code, flags=re.M)

def nested(node, depth=0):
    "How deep comprehensions and lambdas are nested."
    depth += isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda))
    return max([depth] + [nested(n, depth) for n in ast.iter_child_nodes(node)])

def joined(tree):
    "Statements that begin on the line on which the one before them ends."
    bodies = [getattr(n, b, None) for n in ast.walk(tree) for b in ('body', 'orelse', 'finalbody')]
    return sum(a.end_lineno == b.lineno for body in bodies if isinstance(body, list) for a, b in zip(body, body[1:]))

def counted(cells):
    "What is limited to none, in all code of a page, hidden or not; a line may be as long as its URL makes it."
    count = dict.fromkeys(LIMITED, 0)
    for cell in cells:
        if cell['cell_type'] != 'code': continue
        tree = ast.parse(code_of(cell))
        count['wide'] += sum(len(URL.sub('', l)) > 120 for l in source(cell).splitlines())
        count['joined'] += joined(tree)
        count['deep'] += sum(nested(n) > 2 for n in tree.body)
        count['long'] += defines(cell) and len(rows(code_of(cell))) > 30
    return count

def beyond(name, count, allowed):
    "One sentence for each limit that a page breaks."
    for what, n in count.items():
        most = allowed.get(what, 0)
        if n > most: yield f'{name} has {n} {LIMITED[what]}, {f"at most {most} are" if most else "none is"} allowed'

def rows(code): return [l for l in code.splitlines() if l.strip() and not re.match(r'\s*#\s*\|', l)]
def exports(cell): return cell['cell_type'] == 'code' and bool(re.search(r'^\s*#\s*\|\s*exports?i?\b', source(cell), re.M))
def displays(cell): return any(o.get('data') or ''.join(o.get('text', ())).strip() for o in cell.get('outputs', ()))

def defines(cell):
    "Whether more than imports is exported."
    return exports(cell) and not all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.parse(code_of(cell)).body)

def measured(pages):
    "The figures of WHOLE over the cells of several pages."
    nodes, lines, short, shown = 0, 0, [], []
    for cells in pages:
        seen = [c for c in cells if not HIDDEN.search(source(c))]
        for k, cell in enumerate(seen):
            code = code_of(cell)
            nodes += sum(hasattr(n, 'lineno') for n in ast.walk(ast.parse(code)))
            lines += sum(not l.strip().startswith('#') for l in rows(code))
            if not defines(cell): continue
            short.append(len(rows(code)) <= 10)
            examples = [c for c in seen[k + 1:k + 4] if c['cell_type'] == 'code' and not exports(c)]
            shown.append(bool(examples) and displays(examples[0]))
    share = lambda flags: sum(flags) / max(len(flags), 1)
    return dict(syntax=round(nodes / max(lines, 1), 2), short=round(share(short), 4), shown=round(share(shown), 4))

def worse(now, held):
    "One sentence for each figure of the whole that got worse."
    for key, (what, sign) in WHOLE.items():
        if sign * now[key] < sign * held[key]: yield f'all of nbs: {what} is {now[key]:g} and was {held[key]:g}, and may only get better'

def style():
    "No line over 120 columns, no `;` between statements, nothing nested three deep, no exported cell over 30 lines; density, short exports and examples only get better."
    held = json.loads(STYLE.read_text())
    for path in notebooks(): yield from beyond(name_of(path), counted(read(path)['cells']), held['exceptions'].get(name_of(path), {}))
    yield from worse(measured(read(p)['cells'] for p in notebooks('nbs')), held['whole'])

def write_style():
    "Hold what was gained, where the figures of today are better; a page that is no exception never becomes one."
    held = json.loads(STYLE.read_text())
    fewer = lambda path, most: {k: min(n, most.get(k, 0)) for k, n in counted(read(path)['cells']).items()}
    pages = {name: fewer(ROOT/name, most) for name, most in held['exceptions'].items() if (ROOT/name).is_file()}
    now = measured(read(p)['cells'] for p in notebooks('nbs'))
    whole = {k: sign * max(sign * now[k], sign * held['whole'][k]) for k, (_, sign) in WHOLE.items()}
    lines = [f'  {json.dumps(k)}: {json.dumps(v)}' for k, v in sorted(pages.items()) if any(v.values())]
    STYLE.write_text(f'{{\n"whole": {json.dumps(whole)},\n"twice": {held["twice"]},\n"exceptions": {{\n' + ',\n'.join(lines) + '\n}\n}\n')

def made(code, *shows):
    "A cell for `style_sees`."
    outputs = [dict(output_type='stream', name='stdout', text=[s]) for s in shows]
    return dict(cell_type='code', source=[code], outputs=outputs)

def style_sees():
    "The check of style finds a line, a `;`, a nesting and a row too many, and sees when the whole gets worse."
    broken = dict(wide=f'x = "{"a" * 115}"', joined='if True: a = 1; b = 2', deep='f = lambda w: [[y for y in x] for x in w]',
                  long='#| export\n' + 'x = 1\n' * 31)
    right = (f'x = "{"a" * 114}"', '# see https://example.org/' + 'a' * 200, 'plot();', 'f = [[y for y in x] for x in w]',
             '!pip install a; pip install b', '%%bash\nls; ls', '#| export\n' + 'x = 1\n\n' * 30, 'x = 1\n' * 31)
    for what, code in broken.items():
        found = counted([made('#| hide\n' + code)])
        if found != dict.fromkeys(LIMITED, 0) | {what: 1}: yield f'{LIMITED[what]}: found {found} in {code!r}'
        if len(list(beyond('page', found, {}))) != 1 or list(beyond('page', found, {what: 1})): yield f'{LIMITED[what]}: limits are not held'
    for code in right:
        if any(counted([made(code)]).values()): yield f'finds fault with {code!r}'
    short = '#| export\nfrom a import b\ndef f(x): return x'
    good = measured([[made('#| export\nimport a'), made(short), made('f(1)', '1')]])
    bad = dict(syntax=measured([[made(short), made('f(1 + 1)', '1')]]), short=measured([[made(short + '\nx = 1' * 9), made('f(1)', '1')]]),
               shown=measured([[made(short), made('f(1)')]]))
    if (good['short'], good['shown']) != (1, 1) or list(worse(good, good)): yield f'measures {good} where all is well'
    for what, now in bad.items():
        if not any(WHOLE[what][0] in said for said in worse(now, good)): yield f'{WHOLE[what][0]}: does not see that {now} is worse than {good}'


# Recordings that may be measured, but not shown

UNLICENSED = {'bangla', 'mp_data', 'letters'} # folders of `real_data` without a licence to show what they hold
DRAWN_BY = {'play', 'show', 'side_by_side', 'card', 'thumbnails', 'still', 'animate', 'strip', 'draw', 'traces', 'overlay', 'player_html',
            'strokes'} # the last gives the lines of a skeleton, for pages that draw their own

def called(node): return getattr(node.func, 'id', getattr(node.func, 'attr', ''))

def is_unlicensed(node, names):
    "Whether an expression holds such recordings: asks for them, or uses a name that was made of them."
    for n in ast.walk(node):
        if isinstance(n, ast.Name) and n.id in names: return True
        if isinstance(n, ast.Constant) and ('autsl' in str(n.value) or str(n.value).partition('/')[0] in UNLICENSED and '/' in n.value): return True
        if isinstance(n, ast.Call) and called(n) == 'real_data' and any(getattr(a, 'value', '') in UNLICENSED for a in n.args): return True
    return False

def bound(node):
    "(expression, targets) of a statement or expression that gives names a value."
    if isinstance(node, ast.Assign): return node.value, node.targets
    if isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)): return node.value, [node.target]
    if isinstance(node, (ast.For, ast.comprehension)): return node.iter, [node.target]
    return None, []

def follow(tree, names, drawing):
    "Add what a cell makes of such recordings to `names`, and its functions that draw a clip to `drawing`."
    for node in ast.walk(tree):
        value, targets = bound(node)
        if value is None: continue
        given = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        if is_unlicensed(value, names): names |= given
        elif node in tree.body: names -= given
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef): continue
        if any(isinstance(n, ast.Call) and called(n) in drawing for n in ast.walk(node)): drawing.add(node.name)
        if is_unlicensed(node, names): names.add(node.name)

def pictures(cell):
    "The kinds of picture among the stored outputs of a cell."
    held = [o.get('data', {}) for o in cell.get('outputs', ())]
    shown = 'data-signbook', 'data:image/', '<svg'
    if any('image/png' in d or 'image/svg+xml' in d for d in held): yield 'png'
    if any(sign in ''.join(d.get('text/html', ())) for d in held for sign in shown): yield 'html'

def shown_without_licence(cells):
    "Indices of cells that hold a picture of such a recording."
    names, drawing = set(), set(DRAWN_BY)
    for i, cell in enumerate(cells):
        tree = ast.parse(code_of(cell))
        follow(tree, names, drawing)
        kinds = set(pictures(cell))
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and called(n) in drawing]
        ends = [n.value for n in tree.body if isinstance(n, ast.Expr)] if 'html' in kinds else []
        if kinds and any(is_unlicensed(n, names) for n in calls + ends): yield i

def licences():
    "No stored picture shows a skeleton of recordings that come without a licence for it."
    for path in notebooks():
        for i in shown_without_licence(read(path)['cells']):
            yield f'{name_of(path)}, cell {i} shows a recording of {", ".join(sorted(UNLICENSED))} or AUTSL: draw one with a licence for it, or a synthetic clip'

def licences_see():
    "The check of licences sees a clip, a corpus and a figure of such recordings, and lets statistics and others pass."
    asked = "folder = real_data('bangla')\nclips = load(folder) if folder else synthesize(3)"
    png, html = [dict(data={'image/png': 'x'})], [dict(data={'text/html': '<img src="data:image/svg+xml">'})]
    def faults(*cells): return list(shown_without_licence([made(asked)] + [made(code) | dict(outputs=out) for code, out in cells]))
    def_strip = 'def mine(c): return [draw(ax, c, t) for t in range(3)]'
    bad = [[('clips', html)], [('clip = clips[0]', []), ('strip(clip)', png)], [('for c in clips: play(c)', html)],
           [(def_strip, []), ('mine(clips[1])', png)], [("sketch = draw(ax, opened['autsl_1.pose'], 0)", png)]]
    good = [[('plt.hist([len(c) for c in clips])', png)], [('clips = synthesize(3)\nclips', html)], [('strip(clips[0])', [])],
            [("strip(read(real_data('pose')/'mediapipe.pose')[0])", png)]]
    for cells in bad:
        if not faults(*cells): yield f'does not see {cells[-1][0]!r}'
    for cells in good:
        if faults(*cells): yield f'finds fault with {cells[-1][0]!r}'


# How a page begins

def beginning(path):
    "The hidden cell with which a page of the package begins, since nbdev_test gives it all threads and says nothing."
    return f'''#| hide
import os
os.environ.setdefault('OMP_NUM_THREADS', '1') # models as small as these only lose by more
if 'IN_TEST' in os.environ: os.write(2, b'testing {path.stem}\\n') # nbdev_test says nothing by itself'''

def beginnings():
    "Every page of nbs begins by saying which one it is where it is tested, and with one thread."
    for path in notebooks('nbs'):
        if beginning(path) not in map(source, read(path)['cells'][:3]):
            yield f'{name_of(path)} does not begin as a page does: run `make clean-notebooks`'

def write_beginnings():
    "Write it after the title; `make clean-notebooks` does."
    from execnb.nbio import dict2nb, nb2str
    for path in notebooks('nbs'):
        nb = read(path)
        if beginning(path) in map(source, nb['cells'][:3]): continue
        others = [c for c in nb['cells'] if c.get('id') != 'beginning']
        title = next(i for i, c in enumerate(others) if c['cell_type'] == 'markdown')
        cell = dict(cell_type='code', id='beginning', metadata={}, execution_count=None, outputs=[], source=beginning(path).splitlines(True))
        nb['cells'] = others[:title + 1] + [cell] + others[title + 1:]
        path.write_text(nb2str(dict2nb(nb)), encoding='utf-8')
