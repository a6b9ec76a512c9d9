"Sign language recognition from skeletons. The names of the front door are looked up when they are asked for."
__version__ = "0.1.0"

_homes = dict( # name → where it is; nothing is imported before its name is used
    load='app.front', split='data.corpus', Corpus='data.corpus', synthesize='data.synthetic',
    recipe='training.recipes', changed='training.recipes',
    fit='app.front', evaluate='app.front', transcribe='app.front', play='view.player')
__all__ = list(_homes)

def __dir__(): return sorted([*globals(), *_homes])

def __getattr__(name):
    if name in _homes:
        from importlib import import_module
        globals()[name] = found = getattr(import_module(f'{__name__}.{_homes[name]}'), name)
        return found
    near = []
    if not name.startswith('__'): # Python itself asks for such names
        from difflib import get_close_matches
        near = get_close_matches(name, _homes, 1)
    hint = f'; did you mean {near[0]!r}?' if near else ''
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}{hint}')
