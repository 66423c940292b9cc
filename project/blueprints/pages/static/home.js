// Shows this server's readiness checks below the command. If the request fails, the list stays hidden.

const list = document.getElementById("health");
const health = await fetch("/health/ready").then((response) => response.json()).catch(() => null);

for (const [name, status] of Object.entries(health?.checks ?? {})) {
  const item = document.createElement("li");
  item.className = status === "ok" ? "ok" : "failing";
  item.textContent = status === "ok" ? name : `${name}: ${status}`;
  list.append(item);
}
list.hidden = !list.children.length;
