
1g
Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment!
web

rz



a.testP"Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment*n