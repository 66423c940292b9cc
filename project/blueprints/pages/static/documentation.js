// Starts Swagger UI with this server's API document. Access tokens are kept in memory only.
"use strict";

const container = document.getElementById("swagger-ui");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const applyColorScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

// "Try it out" calls the host that served this page, because PUBLIC_URL may use another name for that host.
function onThisHost(server) {
  const path = new URL(server.url).pathname.replace(/\/$/, "");
  return { ...server, url: window.location.origin + path };
}

function start(apiDocument) {
  window.SwaggerUIBundle({
    domNode: container,
    spec: { ...apiDocument, servers: apiDocument.servers.map(onThisHost) },
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null,
  });
}

dark.addEventListener("change", applyColorScheme);
applyColorScheme();
fetch(container.dataset.document)
  .then((response) => response.json())
  .then(start)
  .catch(() => { container.textContent = "The API document could not be loaded. Reload the page to try again."; });
