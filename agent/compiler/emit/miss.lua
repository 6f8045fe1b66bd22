-- Runs only for requests whose authority, as written, is no scope: every service's table switches this filter off.
-- Tries the authority in its plain form (lower case, no trailing dot, HTTP's port), else takes the fallback table.
function envoy_on_request(handle)
  local headers = handle:headers()
  local asked = headers:get("x-mesh-scope") or ""
  local host, port = string.match(asked, "^(.-)%.?:(%d+)$")
  if not host then
    host, port = string.match(asked, "^(.-)%.?$"), "80"
  end
  local plain = string.lower(host) .. ":" .. port
  if plain ~= asked then
    headers:replace("x-mesh-scope", plain)
    handle:clearRouteCache()
    handle:metadata() -- makes Envoy look for the route; works once in a request
    if handle:streamInfo():routeName() ~= "" then
      return
    end
  end
  headers:replace("x-mesh-scope", "*")
  handle:clearRouteCache()
end
