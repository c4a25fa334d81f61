// Go's fastest form: ReadBatch and WriteBatch of x/net/ipv4, with IP_PKTINFO both ways.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/net/ipv4"
)

const (
	batchSize   = 64
	slotBytes   = 65536
	bufferBytes = 4 << 20
)

func main() {
	connection, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		log.Fatal(err)
	}
	connection.SetReadBuffer(bufferBytes)
	connection.SetWriteBuffer(bufferBytes)
	packets := ipv4.NewPacketConn(connection)
	if err := packets.SetControlMessage(ipv4.FlagDst, true); err != nil {
		log.Fatal(err)
	}
	exitOnSigterm()
	fmt.Println("ready", connection.LocalAddr().(*net.UDPAddr).Port)
	echo(packets)
}

func echo(packets *ipv4.PacketConn) {
	received := make([]ipv4.Message, batchSize)
	replies := make([]ipv4.Message, batchSize)
	for i := range received {
		received[i].Buffers = [][]byte{make([]byte, slotBytes)}
		received[i].OOB = ipv4.NewControlMessage(ipv4.FlagDst)
		replies[i].Buffers = make([][]byte, 1)
	}
	var control ipv4.ControlMessage
	for {
		count, err := packets.ReadBatch(received, 0)
		if err != nil {
			log.Fatal(err)
		}
		for i := range received[:count] {
			message := &received[i]
			payload := message.Buffers[0][:message.N]
			payload[0]++
			if err := control.Parse(message.OOB[:message.NN]); err != nil {
				log.Fatal(err)
			}
			replies[i].Buffers[0] = payload
			replies[i].Addr = message.Addr
			replies[i].OOB = (&ipv4.ControlMessage{Src: control.Dst}).Marshal()
		}
		for sent := 0; sent < count; {
			n, err := packets.WriteBatch(replies[sent:count], 0)
			if err != nil {
				log.Fatal(err)
			}
			sent += n
		}
	}
}

func exitOnSigterm() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		os.Exit(0)
	}()
}
