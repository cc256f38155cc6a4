hs = { status = "Progressing", message = "waiting for the controller" }
if obj.status == nil or obj.status.conditions == nil then
  return hs
end
generation = obj.metadata.generation
if obj.status.observedGeneration ~= nil and generation ~= nil and obj.status.observedGeneration ~= generation then
  hs.message = "waiting for the controller to see the new specification"
  return hs
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Ready" then
    seen = condition.observedGeneration == nil or generation == nil or condition.observedGeneration == generation
    if condition.status == "True" and seen then
      hs.status = "Healthy"
    end
    -- Not ready is not degraded: that would fail the sync at the first look.
    hs.message = condition.message or condition.reason or "not ready yet"
  end
end
return hs
