
1p
Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment*
web#


1.2.3.4"ÿÿÿÿÿÿÿÿ"Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment*n