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
  seen = condition.observedGeneration == nil or generation == nil or condition.observedGeneration == generation
  if condition.type == "Available" and condition.status == "True" and seen then
    hs.status = "Healthy"
    hs.message = condition.message or "all instances are ready"
  end
end
for _, condition in ipairs(obj.status.conditions) do
  busy = condition.type == "Progressing" or condition.type == "UpdateInProgress"
  if busy and condition.status == "True" then
    hs.status = "Progressing"
    hs.message = condition.message or condition.type
  end
end
return hs
