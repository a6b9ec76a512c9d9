#!/usr/bin/env python3
"""Write constraints.txt: every package of the environment that runs this, with the version that is installed in it.

usage: constraints.py EXTRA,...      the extras that are installed here beside what is always needed, such as dev,extract

Run it after all tests have passed. What is pinned for this Python holds for later ones too; where a package has no release for the
oldest Python any more, uv resolves which one it had. Packages that only PyTorch's CUDA builds bring are left to PyTorch, which pins them itself."""
import configparser, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUDA = 'nvidia-', 'cuda-', 'triton'
HEAD = '''# Every package that the tests were last run with, by Python {version}; written by `make constraints`.
# `make demo` and `make test` install these; `pip install -c constraints.txt -e '.[{extras}]'` does too.
'''

def installed():
    "name==version of every package here, without the label of a local build."
    ran = subprocess.run([sys.executable, '-m', 'pip', 'freeze', '--exclude-editable'], capture_output=True, text=True, check=True)
    return [line.partition('+')[0] for line in ran.stdout.splitlines() if '==' in line]

def required(extras):
    settings = configparser.ConfigParser(delimiters=['='], interpolation=None)
    settings.read(ROOT/'settings.ini', encoding='utf-8')
    asked = ['requirements', *(f'{extra}_requirements' for extra in extras)]
    return [r for name in asked for r in settings['DEFAULT'][name].split()], settings['DEFAULT']['min_python']

def resolved(wanted, version):
    "name==version of every package that is needed by a Python, as uv resolves them on Linux; ends with what it says where that fails."
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--target', place/'uv', 'uv'], check=True, capture_output=True)
        (place/'wanted.txt').write_text('\n'.join(wanted))
        kind = ['--python-version', version, '--python-platform', 'x86_64-manylinux_2_28']
        command = [place/'uv/bin/uv', 'pip', 'compile', '--quiet', '--no-header', '--no-annotate', *kind, place/'wanted.txt']
        ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode: sys.exit(ran.stderr)
    return [line for line in ran.stdout.splitlines() if not line.startswith(CUDA)]

def merged(now, then, here):
    "Lines of a constraints file: what holds from this Python on, and what holds before it."
    key = lambda pin: pin.partition('==')[0].lower().replace('_', '-')
    now, then = ({key(pin): pin for pin in pins} for pins in (now, then))
    for name in sorted(now | then):
        if now.get(name, '').partition('==')[2] == then.get(name, '').partition('==')[2]: yield now[name]
        else:
            if name in now: yield f'{now[name]} ; python_version >= "{here}"'
            if name in then: yield f'{then[name]} ; python_version < "{here}"'

def main():
    extras, here = sys.argv[1].split(','), f'{sys.version_info.major}.{sys.version_info.minor}'
    (wanted, oldest), now = required(extras), installed()
    then = resolved(wanted + [pin for pin in now if pin.startswith('torch==')], oldest)
    resolved(wanted + now, f'{here}.0') # whoever has an earlier patch of this Python can install the same
    lines = list(merged(now, then, here))
    (ROOT/'constraints.txt').write_text(HEAD.format(version=here, extras=','.join(extras)) + '\n'.join(lines) + '\n')
    print(f'{len(lines)} lines')

if __name__ == '__main__': main()
