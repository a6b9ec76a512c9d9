# Everything happens in a virtual environment of the project's own.
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
EXTRAS ?= dev,extract,export,track,hdf5
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CORE ?= .venv-core
SOURCE := $(CORE)/source
# both environments are installed at once; the second from links, since each installation writes beside setup.py
MAKEFLAGS += --jobs=2

.PHONY: demo test colab gate slow results lab bench docs export readme pictures constraints clean-notebooks clean

demo: $(INSTALLED) ## train small models on synthetic signing, write report.html
	$(BIN)/signbook demo --out .

test: $(INSTALLED) $(CORE)/.installed ## run every example of every notebook and guide
	$(BIN)/python .ci/gate.py $(if $(CHECKS),,--only tests) --guides $(CORE)

colab: $(INSTALLED) $(CORE)/.installed ## only the Colab guides, with no more installed than Colab has
	$(BIN)/python .ci/colab.py $(CORE)/bin/python

gate: $(INSTALLED) $(CORE)/.installed ## what CI asks: clean, exported, rendered, in order, no secrets, and all tests
	$(BIN)/python .ci/gate.py --guides $(CORE)

slow: $(INSTALLED) ## the tests, with the long evidence too
	$(BIN)/python .ci/gate.py --only tests --flags slow

results: $(INSTALLED) ## what is measured on real signing, where the recordings are; goes on where it stopped
	OMP_NUM_THREADS=1 $(BIN)/jupyter execute --inplace --timeout=-1 nbs/tutorials/results.ipynb
	$(BIN)/nbdev_clean --fname nbs/tutorials/results.ipynb

lab: $(INSTALLED) ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab nbs

bench: $(INSTALLED) ## all benchmarks into bench.html and bench.json, ratios first
	$(BIN)/signbook bench

docs: $(INSTALLED) ## every page as HTML in _docs, without quarto, and a look at what came out
	$(BIN)/python .ci/website.py

export: $(INSTALLED) ## notebooks → package and README
	$(BIN)/nbdev_export
	$(BIN)/python .ci/gate.py --write-readme

readme: export

pictures: $(INSTALLED) ## the pictures of the README, out of the quickstart and, where that recording is there, the page of pose files
	PICTURES=1 $(BIN)/jupyter execute nbs/tutorials/quickstart.ipynb
	PICTURES=1 $(BIN)/jupyter execute nbs/20_pose_files.ipynb

constraints: $(INSTALLED) ## pin every package that is installed now; after the tests have passed with it
	$(BIN)/python .ci/constraints.py $(EXTRAS)

clean-notebooks: $(INSTALLED)
	$(BIN)/nbdev_clean
	for nb in colab/*.ipynb; do $(BIN)/nbdev_clean --fname $$nb; done
	$(BIN)/python .ci/gate.py --write-style

$(INSTALLED): settings.ini setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("signbook needs Python 3.10 or later, this is %d.%d; set PYTHON=" % sys.version_info[:2] if sys.version_info < (3, 10) else 0)'
	@echo 'installing into $(VENV): some minutes, a few gigabytes, and nothing is said meanwhile'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile $(PIP_ARGS) $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e '.[$(EXTRAS)]'
	touch $@

$(CORE)/.installed: settings.ini setup.py constraints.txt
	$(PYTHON) -m venv $(CORE)
	$(CORE)/bin/python -m pip install --quiet --upgrade pip
	mkdir -p $(SOURCE)
	ln -sfn $(foreach name,setup.py settings.ini README.md LICENSE signbook,$(CURDIR)/$(name)) $(SOURCE)
	$(CORE)/bin/python -m pip install --quiet --no-compile $(PIP_ARGS) $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e $(SOURCE) ipykernel
	touch $@

clean:
	rm -rf $(VENV) $(CORE) build dist *.egg-info
