"""``python -m evgi_client`` is ``evgi``."""

from evgi_client.cli.main import app

if __name__ == "__main__":
    app(prog_name="evgi")
