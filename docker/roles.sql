\getenv password ROLE_PASSWORD
set log_min_error_statement = panic; -- a failed statement in the log would show the password

select current_user = 'unet' as is_old \gset
\if :is_old
  create role renaming superuser;
  set session authorization renaming; -- nobody can rename himself
  alter role unet rename to postgres;
  reset session authorization;
  drop role renaming;
\endif

select 'create role unet login' where not exists (select from pg_roles where rolname = 'unet') \gexec
alter role unet password :'password';
alter role postgres password null;
alter database unet owner to unet;

select format('alter %s %s owner to unet', kind, name) from (
  select 'table', oid::regclass::text from pg_class
  where relnamespace = 'public'::regnamespace and relowner = 'postgres'::regrole and relkind = 'r'
  union all
  select 'type', oid::regtype::text from pg_type
  where typnamespace = 'public'::regnamespace and typowner = 'postgres'::regrole and typtype = 'e'
) as owned (kind, name) \gexec
