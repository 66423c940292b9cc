/** A program that uses the generated TypeScript types, as a front end would. It is only compiled, never run. */
import createClient from "openapi-fetch";
import type { components, paths } from "./document";

type Organization = components["schemas"]["OrganizationResponse"];

const api = createClient<paths>({ baseUrl: "http://localhost:8000" });

async function registerAndLogIn(email: string, password: string): Promise<string> {
  const registered = await api.POST("/api/v1/auth/register", { body: { email, password, display_name: "Ada" } });
  if (registered.error) throw new Error(registered.error.detail);
  const { data, error } = await api.POST("/api/v1/auth/login", { body: { email, password } });
  if (error) throw new Error(error.detail);
  return data.access_token;
}

export async function organizationsOf(email: string, password: string): Promise<Organization[]> {
  const headers = { Authorization: `Bearer ${await registerAndLogIn(email, password)}` };
  const created = await api.POST("/api/v1/organizations", { body: { name: "Analytical Engines" }, headers });
  if (created.error) throw new Error(`${created.error.code}: ${created.error.title}`);
  const { data, error } = await api.GET("/api/v1/organizations", { params: { query: { limit: 20 } }, headers });
  if (error) throw new Error(error.request_id);
  const next: string | null = data.next_cursor;
  return next === null ? data.items : [created.data, ...data.items];
}
