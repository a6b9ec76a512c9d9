#!/usr/bin/env python3
"""The documentation as HTML without quarto: nbdev's processors, then nbconvert, then a look at every page that came out.

usage: website.py [--out _docs]

Nothing is fetched when a page is read: figures are inside it, and formulas are drawn by matplotlib as outlines, so that no
renderer of mathematics is needed. `gate.py` builds the same in a temporary folder and calls `faults`."""
import argparse
import ast
import base64
import functools
import html
import itertools
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path

import pages

ROOT = pages.ROOT
SITE = 'https://signbook.github.io/signbook/' # where nbdev says that pages are
FILES = 'https://github.com/signbook/signbook/blob/main/'
LEFT_OUT = {'hide', 'export', 'exporti', 'default_exp'} # directives of cells that nbdev leaves out
WORKERS = 2


# What is where

def address(path):
    "Where the page of a notebook is, seen from the top of the site; nbdev drops the number."
    name = re.sub(r'^\d+[a-zA-Z0-9]*_', '', path.name.lower())
    return (path.parent.relative_to(ROOT/'nbs')/name).with_suffix('.html').as_posix()

def heading(path):
    "What a notebook is called."
    texts = (pages.source(c) for c in pages.read(path)['cells'] if c['cell_type'] == 'markdown')
    return next(m[1].strip() for text in texts if (m := re.search(r'^# (.+)$', text, re.M)))

def menu():
    "The groups of the side bar: [(name, [(title, address)])]."
    rooms = pages.notebooks('nbs')
    index = '\n'.join(pages.source(c) for c in pages.read(ROOT/'nbs'/'index.ipynb')['cells'])
    entry = lambda p: (heading(p), address(p))
    place = lambda p: index.find(f'tutorials/{p.name}') % 10**6 # those that index does not name come last
    tutorials = sorted((p for p in rooms if p.parent.name == 'tutorials'), key=place)
    groups = [('', [('Overview', 'index.html')]), ('Tutorials', [entry(p) for p in tutorials])]
    for tens, package in re.findall(r'^\| (\d)0 \| ([^|]+?) \|', index, re.M):
        inside = [p for p in rooms if p.parent.name == 'nbs' and p.name[0] == tens]
        groups.append((f'{tens}0 · {package.replace("`", "")}', [entry(p) for p in inside]))
    return groups

def relative(target, page):
    "A link from a page to another, both seen from the top."
    return posixpath.relpath(target, posixpath.dirname(page) or '.')


# Formulas

@functools.lru_cache(None)
def formula(tex, size):
    "A formula as outlines in the colour of the text and on its line; a ValueError where it cannot be drawn."
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    known = re.sub(r'\\(le|ge)\b', r'\\\1q', re.sub(r'\\[bB]ig[lr]?\b', '', ' '.join(tex.split())))
    try: path = TextPath((0, 0), f'${known}$', size=100, prop=FontProperties(math_fontfamily='stix'))
    except Exception as e: raise ValueError(f'the formula {tex!r} cannot be drawn: {str(e).splitlines()[-1]}')
    d = ''
    for points, code in path.iter_segments(simplify=False):
        upside = (points.reshape(-1, 2) * (1, -1)).ravel()
        d += {1: 'M', 2: 'L', 3: 'Q', 4: 'C'}[code] + ' '.join(f'{v:.0f}' for v in upside) if code < 79 else 'Z'
    box, em = path.get_extents().padded(3), size / 100
    style = f'width:{em * box.width:.2f}em;height:{em * box.height:.2f}em;vertical-align:{em * box.y0:.2f}em'
    return (f'<svg class="math" role="img" aria-label="{html.escape(tex)}" style="{style}" '
            f'viewBox="{box.x0:.0f} {-box.y1:.0f} {box.width:.0f} {box.height:.0f}"><path d="{d}" fill="currentColor"/></svg>')


# A page

def slug(text):
    "A heading as GitHub calls its place, and `pages.anchors` too."
    return re.sub(r'\s', '-', re.sub(r'[^\w\s-]', '', html.unescape(re.sub('<[^>]+>', '', text)).strip().lower()))

def relinked(text, page, folder):
    "HTML with its links to notebooks turned into links to pages, and those to other files of the project into ones to GitHub."
    def link(m):
        whole, name, url = m[0], m[1], html.unescape(m[2])
        if url.startswith(SITE):
            file, _, place = url[len(SITE):].partition('#')
            return f'class="symbol" {name}="{relative(file, page)}{"#" + place if place else ""}"'
        if re.match(r'[a-z][\w+.-]*:|//', url, re.I): return whole
        file, _, place = url.partition('#')
        place = '#' + place.lower() if place else ''
        if not file: return f'{name}="{place}"'
        target = Path(os.path.normpath(folder/file))
        if ROOT/'nbs' not in target.parents: return f'{name}="{FILES}{target.relative_to(ROOT).as_posix()}{place}"'
        if target.suffix == '.ipynb': return f'{name}="{relative(address(target), page)}{place}"'
        return whole
    return re.sub(r'\b(href|src)="([^"]*)"', link, text)

def markdown(page, folder):
    "The filter that turns the Markdown of a page into HTML."
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    taken = set()

    def free(place):
        "The name of a place on this page; a number behind it where there is one of that name."
        place = next(p for p in itertools.chain([place], (f'{place}-{k}' for k in itertools.count(1))) if p not in taken)
        taken.add(place)
        return place

    class Renderer(IPythonRenderer):
        def heading(self, text, level, **attrs):
            place = free(attrs.get('id') or slug(text))
            return f'<h{level} id="{place}">{text} <a class="anchor" href="#{place}" aria-label="link to here">#</a></h{level}>\n'
        def inline_math(self, body): return formula(body, 1.05)
        def block_math(self, body): return f'<div class="formula">{formula(body, 1.2)}</div>\n'

    def render(text):
        return relinked(MarkdownWithMath(renderer=Renderer(escape=False)).render(text), page, folder)

    def documented(text):
        "What `show_doc` says: a heading, where the source is, the signature with its comments, and the sentence."
        found = re.match(r'---\n+(?:\[source\]\((\S+?)\)\{[^}\n]*\}\n+)?### (\S+)\n+(.*)', text, re.S)
        if not found: raise ValueError(f'cannot be read as what show_doc gives: {text[:80]!r}')
        source, name, rest = found.groups()
        link = f' <a class="source" href="{html.escape(source)}">source</a>' if source else ''
        return f'<h3 id="{free(name.lower())}" data-name="{html.escape(name)}"><code>{html.escape(name)}</code>{link}</h3>\n{render(rest)}'

    return lambda text: documented(text) if text.startswith('---\n') and '\n### ' in text else render(text)

BODY = '''{%- extends 'base/null.j2' -%}
{% block markdowncell %}<section>{{ cell.source | markdown }}</section>
{% endblock %}
{% block input %}<div class="input">{{ cell.source | highlighted }}</div>
{% endblock %}
{% block output %}<!--output {{ "show_doc" if cell.metadata.show_doc else output.output_type }}-->
<div class="{{ "documented" if cell.metadata.show_doc else "output" }}">{{ super() }}</div>
<!--end of output-->
{% endblock %}
{% block stream %}<pre>{{ output.text | ansi2html }}</pre>{% endblock %}
{% block execute_result %}{{ self.display_data() }}{% endblock %}
{% block data_priority %}{% for kind in output.data | filter_data_type %}
{% if kind == 'text/html' %}{{ output.data[kind] }}
{% elif kind == 'text/markdown' %}{{ output.data[kind] | markdown }}
{% elif kind == 'image/svg+xml' %}{{ output.data[kind] }}
{% elif kind == 'image/png' %}<img alt="a figure, made by the code above" src="data:image/png;base64,{{ output.data[kind] | replace("\\n", "") }}">
{% elif kind == 'text/plain' %}<pre>{{ output.data[kind] | ansi2html }}</pre>
{% endif %}{% endfor %}{% endblock %}
{% block traceback_line %}<pre>{{ line | ansi2html }}</pre>{% endblock %}'''

PAGE = '''<!DOCTYPE html>
<!-- written from nbs/{notebook}: edit there -->
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><meta name="description" content="{description}"><link rel="stylesheet" href="{top}style.css"></head>
<body><nav class="side"><a class="home" href="{top}index.html">signbook</a>
{menu}</nav>
<main><header><h1{place}>{title}</h1>
<p class="subtitle">{description}</p>
<p class="about">{module}<a href="{files}nbs/{notebook}">notebook</a></p></header>
{body}
<footer>{turn}</footer></main>
<nav class="here"><b>On this page</b>
{here}</nav></body></html>
'''

@functools.lru_cache(None)
def exporter():
    "nbconvert with our template: no prompts, no script, a mark where each output begins and ends."
    from nbconvert.exporters.templateexporter import TemplateExporter
    from nbconvert.filters import Highlight2HTML
    from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
    colored = Highlight2HTML()
    highlighted = lambda text: colored(text, 'bash' if text.startswith('%%bash') else 'python')

    class Site(TemplateExporter):
        def _template_name_default(self): return 'base'
        def _file_extension_default(self): return '.html'

    kinds = ['text/html', 'image/svg+xml', 'image/png', 'text/markdown', 'text/plain']
    made = Site(raw_template=BODY, optimistic_validation=True, preprocessors=[CoalesceStreamsPreprocessor(enabled=True)], filters=dict(markdown=lambda text: text, highlighted=highlighted))
    made.config.NbConvertBase.display_data_priority = kinds
    return made

def side(groups, page):
    "The side bar, open where the page is."
    out = ''
    for name, entries in groups:
        here = any(target == page for _, target in entries)
        links = ''.join(f'<li><a href="{relative(target, page)}"{" aria-current=page" if target == page else ""}>{html.escape(text)}</a></li>'
                        for text, target in entries)
        out += f'<details{" open" if here or name == "Tutorials" else ""}><summary>{html.escape(name)}</summary><ul>{links}</ul></details>\n' if name else f'<ul>{links}</ul>\n'
    return out

def turns(groups, page):
    "To the page before and the next."
    order = [e for _, entries in groups for e in entries]
    at = [target for _, target in order].index(page)
    link = lambda k, text: f'<a href="{relative(order[k][1], page)}">{text.format(html.escape(order[k][0]))}</a>' if 0 <= k < len(order) else '<span></span>'
    return link(at - 1, '← {}') + link(at + 1, '{} →')

def contents(body):
    "The headings of a page, as a list of links."
    found = re.findall(r'<h([23]) id="([^"]+)"[^>]*>(.*?)</h[23]>', body, re.S)
    bare = lambda text: re.sub(r'</?a\b[^>]*>', '', re.sub(r'<a class="(anchor|source)".*?</a>', '', text))
    return '<ul>' + ''.join(f'<li class="level{level}"><a href="#{place}">{bare(text)}</a></li>' for level, place, text in found) + '</ul>'

def rendered(path, nb, groups):
    "A notebook that nbdev has processed, as a page."
    import nbformat
    import yaml
    page, about, cells = address(path), {}, []
    for cell in nb['cells']:
        if cell['cell_type'] == 'raw': about |= yaml.safe_load(pages.source(cell).strip().strip('-')) or {}
        elif cell['cell_type'] == 'markdown' and pages.source(cell).startswith('<!-- WARNING'): continue
        else: cells.append(cell)
        if cell['cell_type'] == 'code' and re.search('^show_doc', pages.source(cell), re.M):
            cell['metadata'] |= dict(show_doc=True, transient=dict(remove_source=True))
    name = str(about.get('title') or heading(path))
    exporter().register_filter('markdown', markdown(page, path.parent))
    body, _ = exporter().from_notebook_node(nbformat.reads(json.dumps(nb | dict(cells=cells)), 4))
    module = re.search(r'^#\s*\|\s*default_exp\s+(\S+)', pages.source(pages.read(path)['cells'][0]), re.M)
    return PAGE.format(
        notebook=path.relative_to(ROOT/'nbs').as_posix(), title=html.escape(name), place='' if f'id="{slug(name)}"' in body else f' id="{slug(name)}"', files=FILES, here=contents(body),
        description=html.escape(str(about.get('description') or '')), top='../' * page.count('/'), menu=side(groups, page),
        module=f'<code>signbook.{module[1]}</code> · ' if module else '', turn=turns(groups, page), body=body)


# All pages

def processed(path):
    "A notebook as nbdev's own processors leave it."
    from execnb.nbio import nb2str, read_nb
    from nbdev.processors import FilterDefaults
    nb = read_nb(path)
    FilterDefaults()(nb)
    return json.loads(nb2str(nb))

def work(paths, out):
    "Write the pages of some notebooks; [(notebook, what is wrong)]."
    import warnings
    warnings.simplefilter('ignore')
    os.environ['IN_TEST'] = '1'
    groups, start, said = menu(), os.getcwd(), []
    for path in paths:
        try:
            text = rendered(path, processed(path), groups)
            target = out/address(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding='utf-8')
        except Exception as e:
            cause = e.__cause__ or e
            said.append([path.name, f'{str(e)[:300]}: {type(cause).__name__}: {str(cause)[:200]}'])
        if os.getcwd() != start:
            said.append([path.name, 'leaves the folder when the documentation is built'])
            os.chdir(start)
    return said

def build(out, workers=WORKERS):
    "Write the whole site into a folder; one sentence for each page that cannot be made."
    from pygments.formatters import HtmlFormatter
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(ROOT/'nbs'/'images', out/'images')
    colors = HtmlFormatter(style='friendly').get_style_defs('.highlight')
    (out/'style.css').write_text((ROOT/'.ci'/'website.css').read_text(encoding='utf-8') + colors, encoding='utf-8')
    env = dict(os.environ, PYTHONPATH=str(ROOT), MPLBACKEND='agg', OMP_NUM_THREADS='1')
    command = [sys.executable, __file__, '--out', str(out), '--worker']
    jobs = [subprocess.Popen([*command, f'{k}/{workers}'], cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for k in range(workers)]
    for job in jobs:
        said, error = job.communicate()
        if job.returncode: yield f'the documentation ended early: {error[-600:]}'
        else: yield from (f'{page}: {what}' for page, what in json.loads(said.splitlines()[-1]))
    mend_symbols(out)

def mend_symbols(out):
    "A link that nbdev made to a name that is not shown leads to what it belongs to: its class, or the page."
    texts = {p.relative_to(out).as_posix(): p.read_text(encoding='utf-8') for p in out.rglob('*.html')}
    places = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in texts.items()}
    for page, text in texts.items():
        def link(m):
            place, there = m[2], places.get(posixpath.normpath(posixpath.join(posixpath.dirname(page), m[1])), ())
            while place and place not in there: place = place.rpartition('.')[0]
            return f'class="symbol" href="{m[1]}{"#" + place if place else ""}"'
        mended = re.sub(r'class="symbol" href="([^"#]*)#([^"]*)"', link, text)
        if mended != text: (out/page).write_text(mended, encoding='utf-8')


# What came out

@functools.lru_cache(None)
def seen_in(path):
    "What there is in a file of the site."
    return Seen(path.read_text(encoding='utf-8'))

class Seen(HTMLParser):
    "What there is on a page: places, links, pictures, outputs and the text between."
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.pictures, self.outputs, self.prose, self.code = [], [], [], [], [], []
        self.text, self.at, self.inside, self.lines = text, None, [], [0]
        self.lines += [m.end() for m in re.finditer('\n', text)]
        self.feed(text)

    def here(self): return self.lines[self.getpos()[0] - 1] + self.getpos()[1]

    def handle_comment(self, data):
        if data.startswith('output '):
            self.at = dict(kind=data.split()[1], begin=self.here(), text='', pictures=[], names=[])
            self.outputs.append(self.at)
        elif data == 'end of output' and self.at: self.at = self.at.update(html=self.text[self.at['begin']:self.here()])

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if 'id' in attrs: self.ids.append(attrs['id'])
        if 'href' in attrs: self.links.append(attrs['href'] or '')
        if tag in ('img', 'source', 'video', 'iframe') and 'src' in attrs:
            self.pictures.append(attrs['src'] or '')
            if self.at: self.at['pictures'].append(attrs['src'] or '')
        if tag in ('pre', 'code', 'script', 'style', 'div') and tag not in VOID: self.inside.append((tag, attrs.get('class') or ''))

    def handle_endtag(self, tag):
        for k in range(len(self.inside) - 1, -1, -1):
            if self.inside[k][0] == tag:
                del self.inside[k:]
                break

    def handle_data(self, data):
        kinds = {tag for tag, _ in self.inside}
        if kinds & {'script', 'style'}: return
        if self.at: self.at['text'] += data
        elif ('div', 'input') in self.inside: self.code.append(data)
        elif not kinds & {'pre', 'code'}: self.prose.append(data)

VOID = {'img', 'br', 'hr', 'input', 'link', 'meta', 'source'}
RAW = re.compile(r'\]\((?:https?:|[\w./-]+\.(?:ipynb|html))|\{target=|^:::|\$\$|\|\s*-{3,}\s*\||^#{1,6} ', re.M)

def picture(data):
    "What is wrong with the bytes of a picture, or None."
    if not data: return 'it is empty'
    if data[:4] == b'\x89PNG': return None if len(data) > 60 and data[-8:-4] == b'IEND' else 'it is cut off'
    if data[:3] in (b'\xff\xd8\xff', b'GIF'): return None if len(data) > 100 else 'it is cut off'
    try: return None if len(xml.fromstring(data.decode())) else 'there is nothing in it'
    except (ValueError, xml.ParseError): return 'it is no PNG, JPEG, GIF or SVG'

def lost(src, page, out):
    "What is wrong with a picture of a page, or None."
    if src.startswith('data:'):
        try: return picture(base64.b64decode(src.partition(',')[2], validate=True))
        except ValueError: return 'it is no base64'
    if re.match(r'[a-z][\w+.-]*:|//', src, re.I): return 'it is fetched from elsewhere' if not src.startswith('https://colab.research.google.com/assets/') else None
    file = Path(os.path.normpath((out/page).parent/src))
    return picture(file.read_bytes()) if file.is_file() else 'there is no such file'

def expected(cells):
    "The outputs of a notebook that its page has to show: [(type, data)], streams that follow each other as one."
    found = []
    for cell in cells:
        words = {w.rstrip(':') for w in re.findall(r'^\s*#\s*\|\s*(\S+)', pages.source(cell), re.M)}
        if cell['cell_type'] != 'code' or words & LEFT_OUT: continue
        last = None
        for o in cell.get('outputs', ()):
            if o['output_type'] == 'stream' and last and last.get('name') == o['name']: last['text'] = ''.join(last['text']) + ''.join(o['text'])
            else: found.append(last := dict(o))
    return found

def shows(output, area):
    "Whether a part of a page shows an output of its notebook."
    plain = lambda s: ' '.join(re.sub(r'\x1b\[[0-9;]*m|.*\r(?=[^\n])', '', s).split()) # without colours and what was overwritten
    data = {k: ''.join(v) for k, v in output.get('data', {}).items() if isinstance(v, (str, list))}
    if output['output_type'] == 'stream': return plain(''.join(output['text'])) == plain(area['text'])
    if 'text/html' in data: return data['text/html'].strip() in area['html']
    if 'image/png' in data: return [f'data:image/png;base64,{"".join(data["image/png"].split())}'] == area['pictures']
    if 'text/markdown' in data: return set(re.findall(r'\w+', area['text'])) >= set(re.findall(r'(?<![\w/.#-])[A-Za-z]+(?= )', CODE.sub('', data['text/markdown'])))
    return plain(data.get('text/plain', '')) == plain(area['text'])

CODE = re.compile(r'\]\([^)]*\)|<[^>]+>|`[^`]*`|\{[^}]*\}')

def public(cells):
    "The names that a notebook exports and has to show: functions, classes, and methods by @patch."
    for cell in cells:
        words = re.findall(r'^\s*#\s*\|\s*(\S+)', pages.source(cell), re.M)
        if cell['cell_type'] != 'code' or not {'export', 'exports'} & set(words): continue
        for node in ast.parse(pages.source(cell)).body:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith('_') and not node.name.startswith('__'): continue
            signs = [ast.unparse(d) for d in node.decorator_list]
            given = [a.annotation for a in getattr(node, 'args', ast.arguments(args=[])).args[:1] if a.annotation]
            owners = [m[1] for sign in signs if (m := re.match(r'patch_to\((\w+)', sign))]
            if any(re.match(r'patch(\(|$)', sign) for sign in signs): owners += re.findall(r'\w+', ast.unparse(given[0]))
            yield from (f'{owner}.{node.name}' for owner in owners) if owners else [node.name]

def page_faults(page, seen, cells):
    "What is wrong with a page by itself, beside its notebook."
    areas = [a for a in seen.outputs if a['kind'] != 'show_doc']
    outputs = expected(cells)
    if len(areas) != len(outputs): yield f'shows {len(areas)} outputs, its notebook has {len(outputs)}'
    for k, (output, area) in enumerate(zip(outputs, areas)):
        if not shows(output, area):
            yield f'output {k + 1} of {len(outputs)} is not as in its notebook: {" ".join(area["text"].split())[:60]!r}'
            break
    docs = ' '.join(a['html'] for a in seen.outputs if a['kind'] == 'show_doc')
    for name in public(cells):
        shown = re.search(rf'<h3 id="[^"]*" data-name="{re.escape(name)}">.*?(?=<h3|$)', docs, re.S)
        if not shown: yield f'does not show {name}, which its notebook exports'
        elif '<pre' not in shown[0]: yield f'shows {name} without its signature'
    text = '\n'.join([*seen.prose, *seen.code, *(a['text'] for a in seen.outputs)])
    directive = re.search(r'^\s*#\s*\|\s*\w+.*$', '\n'.join([*seen.prose, ''.join(seen.code)]), re.M)
    if directive: yield f'shows the directive {directive[0].strip()!r}'
    if 'Traceback (most recent call last)' in text or any(a['kind'] == 'error' for a in seen.outputs): yield 'shows a traceback'
    if raw := RAW.search('\n'.join(seen.prose)): yield f'shows Markdown that was not rendered: {raw.string[raw.start():raw.start() + 60]!r}'
    twice = {i for i in seen.ids if seen.ids.count(i) > 1}
    if twice: yield f'has two places called {", ".join(sorted(twice)[:3])}'

def dead(link, page, places, out):
    "What is wrong with a link of a page, or None."
    if re.match(r'[a-z][\w+.-]*:|//', link, re.I): return None
    file, _, place = link.partition('#')
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), file)) if file else page
    if target not in places: return None if (out/target).is_file() and not place else 'there is no such page'
    if place and place not in places[target]: return 'that page has no such place'

def faults(out, notebooks=None):
    "What is wrong with the site in a folder: one sentence each."
    notebooks = {address(p): pages.read(p)['cells'] for p in pages.notebooks('nbs')} if notebooks is None else notebooks
    seen = {p.relative_to(out).as_posix(): seen_in(p) for p in sorted(out.rglob('*.html'))}
    places = {page: set(s.ids) for page, s in seen.items()}
    for page in sorted(set(notebooks) - set(seen)): yield f'{page} was not written'
    for page in sorted(set(seen) - set(notebooks)): yield f'{page} comes from no notebook'
    for page, s in seen.items():
        yield from (f'{page} {wrong}' for wrong in page_faults(page, s, notebooks.get(page, ())))
        yield from (f'{page} links to {link}: {wrong}' for link in dict.fromkeys(s.links) if (wrong := dead(link, page, places, out)))
        yield from (f'{page} has the picture {src[:60]}: {wrong}' for src in dict.fromkeys(s.pictures) if (wrong := lost(src, page, out)))
        reached = {posixpath.normpath(posixpath.join(posixpath.dirname(page), l.partition('#')[0])) for l in s.links}
        if missing := sorted(set(notebooks) - reached): yield f'{page} leads to all pages but {", ".join(missing[:3])}'

def counts(out):
    "How much came through."
    seen = [seen_in(p) for p in out.rglob('*.html')]
    n = lambda things: sum(len(things(s)) for s in seen)
    return (f'{len(seen)} pages, {n(lambda s: [l for l in s.links if ":" not in l])} links between them, {n(lambda s: s.pictures)} pictures, '
            f'{n(lambda s: [a for a in s.outputs if a["kind"] != "show_doc"])} outputs, '
            f'{n(lambda s: [a for a in s.outputs if a["kind"] == "show_doc"])} names shown with their signatures')


# The gate

def docs():
    "The documentation can be built without quarto, and every page, link, place, picture, output and exported name comes through."
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)/'site'
        broken = list(build(out, workers=1)) # the other core has notebooks to test
        yield from broken or faults(out)

def made(kind, text, **outputs):
    "A cell for `docs_see`."
    out = [dict(output_type='stream', name='stdout', text=v) if k == 'stream' else
           dict(output_type='display_data', metadata={}, data={k.replace('_', '/'): v}) for k, v in outputs.items()]
    return dict(cell_type=kind, id=f'c{abs(hash(text)) % 10**7}', metadata={}, source=text) | (dict(outputs=out, execution_count=None) if kind == 'code' else {})

def docs_see():
    "The check of the documentation finds a dead link, a lost figure, a lost output and what else can be lost."
    png = base64.b64encode(b'\x89PNG' + bytes(80) + b'IEND' + bytes(4)).decode()
    prose = made('markdown', '## A place\n\n[here](#a-place), ![way](images/way.svg), $x^2 \\le 1$ and `code`\n')
    figure, said = made('code', 'plot()', image_png=png), made('code', 'print(1)', stream='one\n')
    shown = made('code', 'show_doc(f)', text_markdown='---\n\n### f\n\n```python\ndef f(\n    x, # a number\n)\n```\n')
    written = dict(cells=[prose, shown, figure, said], metadata={}, nbformat=4, nbformat_minor=5)
    notebook = [prose, made('code', '#| export\ndef f(x): return x'), figure, said]
    index = ROOT/'nbs'/'index.ipynb'
    text = rendered(index, written, [('', [('signbook', 'index.html')])])
    broken = {
        'no such place': ('href="#a-place"', 'href="#nowhere"'), 'no such page': ('href="#a-place"', 'href="nowhere.html"'),
        'no such file': ('images/way.svg', 'images/nowhere.svg'), 'cut off': (png, png[:20]), 'is not as in its notebook': ('one\n', 'two\n'),
        'shows 1 outputs, its notebook has 2': ('<!--output stream-->', ''), 'does not show f': ('data-name="f"', 'data-name="g"'),
        'without its signature': ('<div class="highlight"><pre>', '<div>'), 'shows the directive': ('<div class="input">', '<div class="input">#| export\n'),
        'a traceback': ('one\n', 'Traceback (most recent call last)'), 'not rendered': ('>here</a>', '>here</a> [it](a.ipynb)'),
        'two places': ('id="f"', 'id="a-place"'), 'leads to all pages but': ('href="index.html"', 'href="images/way.svg"')}
    for wanted, (good, bad) in dict(nothing=('', ''), **broken).items():
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            shutil.copytree(ROOT/'nbs'/'images', out/'images')
            (out/'style.css').write_text('p {}')
            (out/'index.html').write_text(text.replace(good, bad) if good else text)
            found = list(faults(out, {'index.html': notebook}))
        if good not in text: yield f'{wanted}: {good!r} is not on the page'
        if wanted == 'nothing' and found: yield f'finds fault with what is right: {found[0]}'
        if wanted != 'nothing' and not any(wanted in f for f in found): yield f'does not see {wanted!r}, but {found}'
    try:
        formula(r'\nosuchthing', 1)
        yield 'a formula that cannot be drawn is not refused'
    except ValueError: pass

def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--out', type=Path, default=ROOT/'_docs')
    a.add_argument('--worker', help=argparse.SUPPRESS)
    o = a.parse_args()
    if o.worker:
        k, n = map(int, o.worker.split('/'))
        heavy = sorted(pages.notebooks('nbs'), key=lambda p: -p.stat().st_size)
        print(json.dumps(work(heavy[k::n], o.out)))
        return
    wrong = list(build(o.out)) or list(faults(o.out))
    print(*wrong, sep='\n', end='\n' if wrong else '')
    print(counts(o.out))
    sys.exit(bool(wrong))

if __name__ == '__main__': main()
