PYTHON ?= python3
NPM ?= npm

.PHONY: check lint types test browser cuts js bench otp simulate mutants rfc6455

check: lint types js test    ## everything that CI runs

lint:                        ## format and lint
	ruff format --check .
	ruff check .

types:                       ## mypy, strict
	mypy

test:                        ## all tests; those of the browser need chromium and chromedriver
	$(PYTHON) -m pytest

browser:                     ## only the tests in a real browser
	$(PYTHON) -m pytest tests/browser

cuts:                        ## a line that is cut after every single byte, also over HTTP; takes a quarter of an hour
	NUPHAR_CUT_STEP=1 $(PYTHON) -m pytest --timeout=600 tests/integration/test_byte_cuts.py

js:                          ## the browser client's own tests, and that dist/ is fresh
	cd transport/js && $(NPM) ci --silent --no-audit --no-fund && $(NPM) test --silent

bench:                       ## what a delivered message costs, Nuphar and its peers; takes an hour, on a quiet machine
	$(NPM) --prefix bench/peers ci --silent --no-audit --no-fund || true
	$(PYTHON) -m bench --plot bench/curves.png --markdown bench/RESULTS.md

otp:                         ## our supervisors against OTP's own (erlang-base): record anew, then 100,000 fresh scenarios
	PYTHONPATH=src:tests $(PYTHON) -m conformance.otp.compare --seed $(or $(SEED),1) --record 2500 --fresh 100000

simulate:                    ## the protocol under faults in virtual time: SEEDS=1000 runs, each from its seed, on every core
	PYTHONPATH=src:tests $(PYTHON) -m simulation --seeds $(or $(SEEDS),1000) --processes $$(nproc)

mutants:                     ## faults put into our own code, one at a time: does the simulation find them? takes ten minutes
	PYTHONPATH=src:tests $(PYTHON) -m simulation.mutants

rfc6455:                     ## WebSockets by sections of RFC 6455, and the stock suite (nuphar[conformance]); takes four minutes
	PYTHONPATH=src:tests $(PYTHON) -m conformance.rfc6455 --stock
