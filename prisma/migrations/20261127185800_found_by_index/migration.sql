-- Administrators are a few among all people, and keys whose tokens have a status index a few among all keys: whoever takes the last
-- administrator away, or puts another policy in force, reads those alone.
CREATE INDEX users_admins ON users (tenant_id, id) WHERE is_admin;
CREATE INDEX api_keys_with_index ON api_keys (tenant_id, id) WHERE status_index IS NOT NULL;
