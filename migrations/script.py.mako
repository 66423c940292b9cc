<%!
    def body(operations):
        """Return the operations without Alembic's comments."""
        lines = [line for line in (operations or "").splitlines() if not line.lstrip().startswith("# ###")]
        return "\n".join(lines).strip() or "pass"
%>\
"""${message}"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = "${up_revision}"
down_revision = ${repr(down_revision).replace("'", '"')}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${body(upgrades)}


def downgrade() -> None:
    ${body(downgrades)}
