
1_
Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
webÿÿÿÿÿÿÿÿ"Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment*n