# Makes or mends the roles of the database, at each start; `unet` is the superuser of what earlier versions made.
set -e
export PGHOST=/var/run/postgresql PGDATABASE=unet PGUSER=postgres
psql -Xqc '' 2>/dev/null || PGUSER=unet
exec psql -XqAt -v ON_ERROR_STOP=1 -1 -f /roles.sql
