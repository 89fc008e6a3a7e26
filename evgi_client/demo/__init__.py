"""The demo: the whole flow on real or synthetic sessions, in one call."""

from evgi_client.demo.progress import Progress, Silent
from evgi_client.demo.run import Options, run
from evgi_client.demo.summary import Summary

__all__ = ["Options", "Progress", "Silent", "Summary", "run"]
