/*
 * client/commands: one function per command; the table is in commands.c.
 */
#pragma once

struct nc_client;

int nc_cmd_register(struct nc_client *c); /* cmd_account.c */
int nc_cmd_login(struct nc_client *c);
int nc_cmd_logout(struct nc_client *c);
int nc_cmd_whoami(struct nc_client *c);
int nc_cmd_reset(struct nc_client *c);

int nc_cmd_rooms(struct nc_client *c); /* cmd_rooms.c */
int nc_cmd_join(struct nc_client *c);
int nc_cmd_create(struct nc_client *c);
int nc_cmd_invite(struct nc_client *c);

int nc_cmd_send(struct nc_client *c);   /* cmd_send.c */
int nc_cmd_tail(struct nc_client *c);   /* cmd_tail.c */
int nc_cmd_export(struct nc_client *c); /* cmd_export.c */
int nc_cmd_dialog(struct nc_client *c); /* cmd_jobs.c */
int nc_cmd_jobs(struct nc_client *c);
int nc_cmd_stop(struct nc_client *c);
int nc_cmd_regenerate(struct nc_client *c);
int nc_cmd_ask(struct nc_client *c);   /* cmd_ask.c */
int nc_cmd_usage(struct nc_client *c); /* cmd_usage.c */
int nc_cmd_all_usage(struct nc_client *c);

int nc_cmd_models(struct nc_client *c); /* cmd_models.c */
int nc_cmd_providers(struct nc_client *c);
int nc_cmd_provider_add(struct nc_client *c);
int nc_cmd_provider_set(struct nc_client *c);
int nc_cmd_provider_remove(struct nc_client *c);
int nc_cmd_provider_check(struct nc_client *c);
int nc_cmd_provider_discover(struct nc_client *c);

int nc_cmd_personas(struct nc_client *c); /* cmd_personas.c */
int nc_cmd_persona_add(struct nc_client *c);
int nc_cmd_persona_set(struct nc_client *c);
int nc_cmd_persona_remove(struct nc_client *c);

int nc_cmd_users(struct nc_client *c); /* cmd_admin_people.c */
int nc_cmd_user_reset(struct nc_client *c);
int nc_cmd_user_disable(struct nc_client *c);
int nc_cmd_user_enable(struct nc_client *c);
int nc_cmd_user_role(struct nc_client *c);
int nc_cmd_sessions(struct nc_client *c);
int nc_cmd_session_end(struct nc_client *c);

int nc_cmd_all_rooms(struct nc_client *c); /* cmd_admin.c */
int nc_cmd_audit(struct nc_client *c);
int nc_cmd_backup(struct nc_client *c);
int nc_cmd_health(struct nc_client *c);
int nc_cmd_settings(struct nc_client *c);

int nc_cmd_broker_config(struct nc_client *c); /* cmd_admin_broker.c */
int nc_cmd_links(struct nc_client *c);         /* cmd_admin_links.c */
int nc_cmd_mesh(struct nc_client *c);          /* cmd_admin_mesh.c */
int nc_cmd_mesh_invite(struct nc_client *c);
int nc_cmd_mesh_join(struct nc_client *c);
int nc_cmd_mesh_forget(struct nc_client *c);
int nc_cmd_mesh_accept(struct nc_client *c);
int nc_cmd_mesh_state(struct nc_client *c);
