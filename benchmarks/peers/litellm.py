"""LiteLLM's proxy, with the settings under which it was fastest here."""

from peers.peer import KEY, Peer, Place, pip_install

CONFIGURATION = """
model_list:
  - model_name: default
    litellm_params: {{model: openai/fixed, api_base: "{provider}/v1", api_key: none}}
general_settings: {{master_key: "{key}"}}
"""


def command(place: Place) -> list[str]:
    file = place.work / "config.yaml"
    file.write_text(CONFIGURATION.format(provider=place.provider, key=KEY))
    program = str(place.home / "bin/litellm")
    return [program, "--config", str(file), "--host", "127.0.0.1", "--port", str(place.port), "--num_workers", "1"]


LITELLM = Peer(
    name="litellm",
    leaves_out="checks one master key; run without a database: no keys of its own, no budget, no record of usage",
    install=pip_install,
    command=command,
    environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"},
)
