#!/usr/bin/env bash
# Runs the suites that others publish (LangChain's standard tests, the Vercel AI SDK) against a running Packhouse, each
# with every provider behind. They have an environment of their own: their versions are not ours to choose.
#   PACKHOUSE_CONFORMANCE_UPSTREAM=bedrock=URL scripts/conformance.sh    with another upstream than the simulators
set -eu
cd "$(dirname "$0")/.."

environment=.venv-conformance
if ! cmp -s requirements/conformance.txt "$environment/installed.txt"; then
  echo "conformance: installing LangChain and its standard tests into $environment"
  .venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python "$environment"
  .venv/bin/uv pip install --quiet --require-hashes --python "$environment/bin/python" -r requirements/conformance.txt
  cp requirements/conformance.txt "$environment/installed.txt"
fi
if command -v npm > /dev/null && ! cmp -s conformance/ai_sdk/package-lock.json conformance/ai_sdk/node_modules/installed.json; then
  echo "conformance: installing the Vercel AI SDK into conformance/ai_sdk/node_modules"
  npm ci --silent --no-audit --no-fund --prefix conformance/ai_sdk
  cp conformance/ai_sdk/package-lock.json conformance/ai_sdk/node_modules/installed.json
fi
exec "$environment/bin/python" -m pytest -c conformance/pytest.ini conformance "$@"
