// Subscribes to the service and listens to its keys with the makers' Go client, then does what its
// input says, a call a line; every answer and every notice is a line of JSON:
// nacos ADDRESS NAME PORT KEY...
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/config_client"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/naming_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/model"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"
)

const (
	service       = "compat"
	group         = "DEFAULT_GROUP"
	connectWithin = time.Minute
)

type found map[string]any

type participant struct {
	name   string
	port   uint64
	naming naming_client.INamingClient
	config config_client.IConfigClient
}

var saying sync.Mutex

func say(step string, err error, what found) {
	line := found{"step": step, "ok": err == nil}
	for key, value := range what {
		line[key] = value
	}
	if err != nil {
		line["found"] = err.Error()
	}
	text, _ := json.Marshal(line)
	saying.Lock()
	defer saying.Unlock()
	fmt.Println(string(text))
}

func hosts(instances []model.Instance) found {
	seen := map[string][]any{}
	for _, each := range instances {
		seen[each.Metadata["client"]] = []any{each.Weight, each.Metadata["round"], each.Healthy}
	}
	return found{"hosts": seen}
}

func newParticipant(address, name, port string) participant {
	host, number, err := net.SplitHostPort(address)
	must(err)
	serverPort, err := strconv.ParseUint(number, 10, 16)
	must(err)
	own, err := strconv.ParseUint(port, 10, 16)
	must(err)
	param := vo.NacosClientParam{
		ClientConfig: constant.NewClientConfig(
			constant.WithLogDir("log"),
			constant.WithCacheDir("cache"),
			constant.WithLogLevel("warn"),
			constant.WithNotLoadCacheAtStart(true),
			constant.WithUpdateCacheWhenEmpty(true),
			// Empty ones sign nobody in.
			constant.WithUsername(os.Getenv("COMPAT_USER")),
			constant.WithPassword(os.Getenv("COMPAT_PASSWORD")),
		),
		ServerConfigs: []constant.ServerConfig{*constant.NewServerConfig(host, serverPort)},
	}
	naming, err := clients.NewNamingClient(param)
	must(err)
	config, err := clients.NewConfigClient(param)
	must(err)
	return participant{name, own, naming, config}
}

func (p *participant) listen(keys []string) {
	subscription := vo.SubscribeParam{
		ServiceName: service,
		SubscribeCallback: func(instances []model.Instance, err error) {
			say("seen", err, hosts(instances))
		},
	}
	eventually(func() error { return p.naming.Subscribe(&subscription) })
	for _, key := range keys {
		param := vo.ConfigParam{
			DataId: key, Group: group,
			OnChange: func(_, _, key, content string) {
				say("heard", nil, found{"key": key, "value": content})
			},
		}
		eventually(func() error { return p.config.ListenConfig(param) })
	}
	say("ready", nil, nil)
}

func (p *participant) register(weight, round string) error {
	number, err := strconv.ParseFloat(weight, 64)
	if err != nil {
		return err
	}
	_, err = p.naming.RegisterInstance(vo.RegisterInstanceParam{
		Ip: "127.0.0.1", Port: p.port, ServiceName: service, Weight: number,
		Enable: true, Healthy: true, Ephemeral: true, Metadata: p.metadata(round),
	})
	return err
}

func (p *participant) update(weight, round string) error {
	number, err := strconv.ParseFloat(weight, 64)
	if err != nil {
		return err
	}
	_, err = p.naming.UpdateInstance(vo.UpdateInstanceParam{
		Ip: "127.0.0.1", Port: p.port, ServiceName: service, Weight: number,
		Enable: true, Healthy: true, Ephemeral: true, Metadata: p.metadata(round),
	})
	return err
}

func (p *participant) metadata(round string) map[string]string {
	return map[string]string{"client": p.name, "round": round}
}

func (p *participant) call(words []string) (what found, err error) {
	switch words[0] {
	case "register":
		err = p.register(words[1], words[2])
	case "update":
		err = p.update(words[1], words[2])
	case "deregister":
		_, err = p.naming.DeregisterInstance(vo.DeregisterInstanceParam{
			Ip: "127.0.0.1", Port: p.port, ServiceName: service, Ephemeral: true,
		})
	case "list":
		var service_ model.Service
		service_, err = p.naming.GetService(vo.GetServiceParam{ServiceName: service})
		what = hosts(service_.Hosts)
	case "publish":
		_, err = p.config.PublishConfig(vo.ConfigParam{DataId: words[1], Group: group, Content: words[2]})
	case "read":
		var content string
		content, err = p.config.GetConfig(vo.ConfigParam{DataId: words[1], Group: group})
		what = found{"value": content}
	case "cas":
		won, _ := p.config.PublishConfig(vo.ConfigParam{
			DataId: words[1], Group: group, Content: words[2], CasMd5: words[3],
		})
		what = found{"won": won}
	case "remove":
		_, err = p.config.DeleteConfig(vo.ConfigParam{DataId: words[1], Group: group})
	default:
		err = fmt.Errorf("no such call: %s", words[0])
	}
	return what, err
}

func main() {
	self := newParticipant(os.Args[1], os.Args[2], os.Args[3])
	self.listen(os.Args[4:])
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		words := strings.Fields(input.Text())
		what, err := self.call(words)
		say(words[0], err, what)
	}
}

// eventually does what a new client refuses until it is connected.
func eventually(do func() error) {
	end := time.Now().Add(connectWithin)
	err := do()
	for err != nil && time.Now().Before(end) {
		time.Sleep(100 * time.Millisecond)
		err = do()
	}
	must(err)
}

func must(err error) {
	if err != nil {
		say("ready", err, nil)
		os.Exit(1)
	}
}
