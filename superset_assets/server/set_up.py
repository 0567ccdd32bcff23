"""First-time set-up of the metadata: schema, rights and the administrator's account. Safe to run again."""

import os
from pathlib import Path


def set_up(home: Path) -> None:
    """Create or bring up to date what the server needs before it starts."""
    from flask_migrate import upgrade
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        import superset
        from superset import db, security_manager

        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
        if db.engine.dialect.name == "sqlite":
            db.engine.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer of the access log
        superset.appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        password = (home / "secrets" / "superset_admin_password").read_text().strip()
        administrator = security_manager.find_user("admin")
        if administrator is None:
            security_manager.add_user(
                "admin", "Quản trị", "Hệ thống", "admin@localhost", security_manager.find_role("Admin"), password
            )
        else:
            security_manager.reset_password(administrator.id, password)


if __name__ == "__main__":
    set_up(Path(os.environ["KHO_HOME"]))
