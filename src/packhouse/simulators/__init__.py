"""Faithful servers of model providers: to try a client against, to test a gateway with.

They answer by rules and without a model, always the same, and fail as they are told. They know nothing of
Packhouse; only the command line and tests import them.
"""

from packhouse.simulators.answer import STAMP
from packhouse.simulators.control import Listening
from packhouse.simulators.dialect import Credentials, Provider
from packhouse.simulators.replay import Replay, ReplayUnreadable, load_replay
from packhouse.simulators.rules import Citation, Fault, Rule, RulesUnreadable, ToolCall, Usage, load_rules
from packhouse.simulators.seen import Seen, SeenCall
from packhouse.simulators.server import Simulator
from packhouse.simulators.start import default_credentials, new_simulator, simulator

__all__ = [
    "STAMP",
    "Citation",
    "Credentials",
    "Fault",
    "Listening",
    "Provider",
    "Replay",
    "ReplayUnreadable",
    "Rule",
    "RulesUnreadable",
    "Seen",
    "SeenCall",
    "Simulator",
    "ToolCall",
    "Usage",
    "default_credentials",
    "load_replay",
    "load_rules",
    "new_simulator",
    "simulator",
]
