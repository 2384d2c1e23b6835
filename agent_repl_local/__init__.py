"""The embedded model as a provider of agent_repl's: it serves a model, and knows nothing of agents.

Found by its entry point (group `agent_repl.providers`, name `local`), as the provider of any other package is.
"""

from .model_file import fetch_model, installed, model_path, remove
from .provider import LocalProvider

__all__ = ["LocalProvider", "fetch_model", "installed", "model_path", "remove"]
