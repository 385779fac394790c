// Show every route as the OpenAPI document has it; no validator on another host is asked.

SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#routes",
  deepLinking: true,
  validatorUrl: null,
  supportedSubmitMethods: ["get"],
});
